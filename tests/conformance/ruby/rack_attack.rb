# frozen_string_literal: true

# rack-attack on the three stores that it documents for Redis.
require 'active_support'
require 'active_support/cache'
require 'active_support/cache/redis_cache_store'
require 'rack'
require 'rack/attack'
require 'redis'
require 'redis-store'

ALGORITHM = 'fixed window, aligned'
IN_WINDOW = 'rack.attack.throttle_data'

# One request through the middleware: its status and what the throttle says of it.
def request(middleware)
  env = Rack::MockRequest.env_for('/', 'REMOTE_ADDR' => '192.0.2.1')
  status, = middleware.call(env)
  [status, env.fetch(IN_WINDOW, {})['conformance']]
end

# Windows are aligned with the clock: begin with a new one.
def await_new_window
  sleep 0.01 until (Time.now.to_f % WINDOW_S) < 0.2
end

def throttle(server, store)
  Rack::Attack.clear_configuration
  Rack::Attack.cache.store = store
  Rack::Attack.cache.prefix = server.prefix
  Rack::Attack.throttle('conformance', limit: LIMIT, period: WINDOW_S) { 'client' }
  middleware = Rack::Attack.new(->(_env) { [200, {}, ['ok']] })
  request(middleware) # The connection is made before time counts.
  await_new_window
  Rack::Attack.cache.reset_count('conformance:client', WINDOW_S)
  window(middleware)
  ban(server)
end

def window(middleware)
  started = now_s
  (1..LIMIT + 1).each do |count|
    status, data = request(middleware)
    expect(status, count > LIMIT ? 429 : 200, "status of hit #{count}")
    expect(data.values_at(:count, :limit, :period), [count, LIMIT, WINDOW_S], "data of hit #{count}")
  end
  frees(started, WINDOW_S / 2.0, WINDOW_S) { request(middleware).first == 200 }
end

# Fail2Ban counts, then writes a ban that is read back.
def ban(server)
  options = { maxretry: 2, findtime: 60, bantime: 60 }
  banned = Array.new(3) { Rack::Attack::Allow2Ban.filter(server.key, options) { true } }
  expect(banned, [false, false, true], 'allowed twice, then banned')
  Rack::Attack::Allow2Ban.reset(server.key, options)
  expect(Rack::Attack::Allow2Ban.filter(server.key, options) { true }, false, 'after a reset')
end

row('rack-attack-redis', 'strings', 'ruby-rack-attack', 'rack-attack on redis-rb', 'ruby-redis', ALGORITHM) do |server|
  throttle(server, Redis.new(url: server.url))
end

row('rack-attack-store', 'strings', 'ruby-rack-attack', 'rack-attack on redis-store', 'ruby-redis-store', ALGORITHM) do |server|
  throttle(server, Redis::Store.new(host: server.host, port: server.port))
end

row('rack-attack-rails', 'strings', 'ruby-rack-attack', 'rack-attack on RedisCacheStore', 'ruby-activesupport', ALGORITHM) do |server|
  throttle(server, ActiveSupport::Cache::RedisCacheStore.new(url: server.url))
end
