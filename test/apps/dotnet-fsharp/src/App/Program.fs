module App.App
