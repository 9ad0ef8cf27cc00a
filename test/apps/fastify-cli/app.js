'use strict'

module.exports = async function (fastify, opts) {
}
