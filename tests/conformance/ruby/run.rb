# frozen_string_literal: true

# Runs the rows of Ruby. Not a place for rows: each family of libraries has a file of its own.
require_relative 'frame'
require_relative 'cluster'
require_relative 'rack_attack'

main(*ARGV)
