# The layout of https://dash.plotly.com/minimal-app; its deployment is https://dash.plotly.com/deployment.
from dash import Dash, html

app = Dash(__name__)
server = app.server

app.layout = html.Div("Hello World")

if __name__ == "__main__":
    app.run(debug=True)
