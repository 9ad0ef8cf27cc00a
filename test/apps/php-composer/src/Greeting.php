<?php

namespace App;

class Greeting
{
    public function text(): string
    {
        return 'hello from a class, 0.1 + 0.2 = ' . bcadd('0.1', '0.2', 1);
    }
}
