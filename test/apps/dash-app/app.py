# Reviewed against https://dash.plotly.com/dash-enterprise/application-structure/dash-app.
from dash import Dash, html

app = Dash(__name__)
server = app.server

app.layout = html.Div("Hello World")

if __name__ == "__main__":
    app.run(debug=True)
