// Package foreign reads how other platforms describe an app (Compose, Kamal, Heroku's app.json, fly.toml, the import file of Zerops)
// and says the same as csph.yaml. What csph has no word for is told as a note, never dropped in silence. It refuses to
// ask a server for anything, to read what lies outside of the folder, and to put a secret's value into a file.
package foreign
