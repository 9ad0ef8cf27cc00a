// written by yarn
