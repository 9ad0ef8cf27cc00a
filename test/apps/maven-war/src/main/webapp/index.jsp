<html><body>hello</body></html>
