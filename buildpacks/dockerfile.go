package buildpacks

// detectDockerfile takes a Dockerfile at the root as it is.
func detectDockerfile(j job) (*Plan, error) {
	if !j.isFile("Dockerfile") {
		return nil, nil
	}
	if j.options.Build != "" {
		return nil, &IncompleteError{Language: "Dockerfile", Missing: "--build cannot change what a Dockerfile does",
			Advice: "leave --build out, or remove the Dockerfile so that the language is detected"}
	}
	p := &Plan{Language: "dockerfile", Dockerfile: "Dockerfile"}
	p.decide("build with the Dockerfile", "there is a Dockerfile at the root of the source",
		"remove the Dockerfile so that the language is detected")
	if j.procfile.Web() == "" && j.options.Run == "" {
		p.decide("start: the image's own command", "the Dockerfile's ENTRYPOINT and CMD",
			"add a Procfile with `web: COMMAND`, or --run 'CMD'")
	}
	return p, nil
}
