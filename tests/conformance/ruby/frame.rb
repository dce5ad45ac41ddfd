# frozen_string_literal: true

# What every Ruby row shares: where the server is, what may be asserted, and how a row is run.
# A row is one block that uses one library as its documentation says and asserts what it answers.
# It never talks to the server itself, so that it holds for any server. Each line printed is one row:
# name, library, version, client, algorithm, verdict, seconds, detail, with tabs between.
require 'securerandom'
require 'timeout'

LIMIT = 3
WINDOW_S = 2
# A shared machine may stall a process; a window that ends this much later is still sane.
SLACK_S = 1.5
POLL_S = 0.05
# No row needs a third of it: a library that waits for ever is broken.
ROW_DEADLINE_S = 30

Row = Struct.new(:name, :needs, :package, :library, :client, :algorithm, :check)
ROWS = []

# An outcome differs from what is asserted.
class Difference < StandardError; end

# Where the server is, and the prefix of all keys of this try.
# `ports` are those of the nodes of a cluster: one, where there is none.
Server = Struct.new(:host, :port, :ports, :prefix) do
  def url
    "redis://#{host}:#{port}/0"
  end

  def key(name = 'client')
    "#{prefix}:#{name}"
  end
end

# Declares a row. `needs` is the part of Redis it stands on: strings, multi, lua, ...
# `package` and `client` are Debian's names.
def row(name, needs, package, library, client, algorithm, &check)
  ROWS << Row.new(name, needs, package, library, client, algorithm, check)
end

def expect(found, expected, what)
  raise Difference, "#{what}: #{found.inspect} instead of #{expected.inspect}" if found != expected
end

def between(low, found, high, what)
  raise Difference, "#{what}: #{found} is not in #{low} to #{high}" unless found.between?(low, high)
end

def now_s
  Process.clock_gettime(Process::CLOCK_MONOTONIC)
end

# Asks until the block is true: not before and not after the seconds given since `started`.
def frees(started, earliest_s, latest_s)
  until yield
    raise Difference, "the window did not free within #{latest_s + SLACK_S} s" if now_s - started > latest_s + SLACK_S

    sleep POLL_S
  end
  between(earliest_s, now_s - started, latest_s + SLACK_S, 'seconds until the window freed')
end

# The version that is installed, without Debian's own part.
def version_of(package)
  found = IO.popen(['dpkg-query', '-W', '-f', '${Version}', package], &:read)
  found.sub(/\A\d+:/, '').sub(/[+-].*\z/, '')
end

# The verdict over one try: pass, FAIL (an outcome differs) or BROKEN (the library gave up).
def attempt(row, *where)
  Timeout.timeout(ROW_DEADLINE_S) { row.check.call(Server.new(*where, "conformance:#{SecureRandom.hex(6)}")) }
  ['pass', '']
rescue Difference => e
  ['FAIL', e.message.split.join(' ')[0, 200]]
rescue StandardError, ScriptError => e # A library may raise anything: it is the row's verdict.
  ['BROKEN', "#{e.class}: #{e.message}".split.join(' ')[0, 200]]
end

def run(row, tries, *where)
  verdict = detail = started = first = nil
  1.upto(tries) do
    started = now_s
    verdict, detail = attempt(row, *where)
    break if verdict == 'pass'

    first = detail
  end
  detail = "second try; the first: #{first}" if verdict == 'pass' && first
  client = "#{row.client.delete_prefix('ruby-')} #{version_of(row.client)}"
  cells = [row.name, row.library, version_of(row.package), client, row.algorithm]
  puts [*cells, verdict, format('%.1f', now_s - started), detail].join("\t")
  $stdout.flush
end

# Arguments: HOST PORT NODE[,NODE...] TRIES NAME..., nodes by their ports; a name is that of a row or of what rows need.
def main(host, port, nodes, tries, *wanted)
  ports = nodes.split(',').map(&:to_i)
  ROWS.each do |one|
    run(one, tries.to_i, host, port.to_i, ports) if wanted.include?(one.name) || wanted.include?(one.needs)
  end
end
