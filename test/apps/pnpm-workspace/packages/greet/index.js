exports.hello = "hello from a workspace\n";
