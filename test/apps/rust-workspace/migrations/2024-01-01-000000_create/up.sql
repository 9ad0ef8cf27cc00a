CREATE TABLE items (id serial);
