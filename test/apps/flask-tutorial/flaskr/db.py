def init_app(app):
    app.teardown_appcontext(lambda error: None)
