package buildpacks

import "strings"

// lastReplacesShell writes exec before the last of several commands joined by &&, and before one with
// assignments in front, so that the program gets the signals and not the shell. Simple commands stay as they
// are: whoever runs them through a shell does that. What has other operators or quotes is left alone.
func lastReplacesShell(command string) string {
	if strings.ContainsAny(strings.ReplaceAll(command, "&&", ""), ";&|()<>`\n\"'\\#") {
		return command
	}
	parts := strings.Split(command, "&&")
	last := strings.Fields(parts[len(parts)-1])
	assigned := 0
	for assigned < len(last) && strings.Contains(last[assigned], "=") {
		assigned++
	}
	if assigned == len(last) || len(parts) == 1 && assigned == 0 || last[assigned] == "exec" || last[assigned] == "cd" {
		return command
	}
	prefix := "exec "
	if assigned > 0 {
		prefix += "env "
	}
	parts[len(parts)-1] = prefix + strings.Join(last, " ")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, " && ")
}
