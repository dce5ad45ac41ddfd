# frozen_string_literal: true

# A limiter whose programs stand before different nodes: together they allow one limit.
# What a node has not heard of yet may pass it: so a few hits more are allowed, and the denial is
# waited for.
require 'rack'
require 'rack/attack'
require 'redis'

LIMIT_IN_ALL = 30
# Counts reach the other nodes within 100 ms: at one poll in 50 ms on each of three nodes.
MORE = 6
DEADLINE_S = 3

# `nodes` has a block for each node that hits and tells whether the hit passed.
def limits_in_all(nodes)
  allowed = (0...LIMIT_IN_ALL).count { |hit| nodes[hit % nodes.size].call }
  expect(allowed, LIMIT_IN_ALL, 'hits that passed within the limit')
  deadline = now_s + DEADLINE_S
  nodes.each do |node|
    while node.call
      allowed += 1
      raise Difference, "#{allowed} of #{LIMIT_IN_ALL} passed, and not every node denies" if now_s > deadline

      sleep POLL_S
    end
  end
  raise Difference, "#{allowed} hits passed instead of #{LIMIT_IN_ALL}" if allowed > LIMIT_IN_ALL + MORE
end

row('cluster-rack-attack', 'cluster', 'ruby-rack-attack', 'rack-attack on redis-rb', 'ruby-redis',
    'fixed window, aligned, several nodes') do |server|
  ports = server.ports.size == 1 ? server.ports * 3 : server.ports
  stores = ports.map { |port| Redis.new(host: server.host, port: port) }
  Rack::Attack.clear_configuration
  Rack::Attack.cache.prefix = server.prefix
  Rack::Attack.throttle('conformance', limit: LIMIT_IN_ALL, period: 3600) { 'client' }
  middleware = Rack::Attack.new(->(_env) { [200, {}, ['ok']] })
  # Its store is one for the process: each hit goes to the node whose turn it is.
  limits_in_all(stores.map do |store|
    lambda do
      Rack::Attack.cache.store = store
      middleware.call(Rack::MockRequest.env_for('/')).first == 200
    end
  end)
end
