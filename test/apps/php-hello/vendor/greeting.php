<?php

function greeting(): string
{
    return 'hello from version 1';
}
