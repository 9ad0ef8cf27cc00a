import 'reflect-metadata'
import { Ignitor } from '@adonisjs/core'
