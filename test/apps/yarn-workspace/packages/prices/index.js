exports.price = () => 5;
