<?php

namespace Acme;

class Thing
{
}
