// the release of yarn stands here in a real project
