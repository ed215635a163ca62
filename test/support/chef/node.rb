# frozen_string_literal: true

require 'json'
require 'socket'

class Chef
  # What is read of a node: it cannot be changed, all the way down; to_h and to_a give plain copies.
  module Immutable
    def self.of(value)
      case value
      when Hash then value.each_with_object(Attributes.new) { |(key, inner), made| made.store(key.to_s, of(inner)) }.freeze
      when Array then AttributeList.new(value.map { |inner| of(inner) }).freeze
      else value.dup.freeze
      end
    end

    def self.plain(value)
      case value
      when Attributes then value.to_h
      when AttributeList then value.to_a
      else value.dup
      end
    end
  end

  # A Hash of attributes that takes texts and symbols alike.
  class Attributes < Hash
    def [](key) = super(key.to_s)
    def fetch(key, *rest, &block) = super(key.to_s, *rest, &block)
    def key?(key) = super(key.to_s)
    def dig(key, *rest) = rest.empty? ? self[key] : self[key]&.dig(*rest)
    def read(*path) = dig(*path)

    # As Chef's, it takes no block: one that is given is never called.
    def to_h
      each_with_object({}) { |(key, inner), made| made[key] = Immutable.plain(inner) }
    end
    alias to_hash to_h
  end

  # A list of attributes.
  class AttributeList < Array
    def to_a
      Array.new(length) { |at| Immutable.plain(self[at]) }
    end
    alias to_array to_a
  end

  # Attributes by precedence: default, then those of the run (JSON), then override, then what the machine tells.
  class Node
    attr_reader :run_state, :name

    def initialize(json)
      @name = Socket.gethostname
      @levels = { default: tree, normal: json, override: tree, automatic: machine }
      @run_state = {}
    end

    def default = written(:default)
    def override = written(:override)

    def [](key) = merged[key]
    def dig(*path) = merged.dig(*path)
    def read(*path) = merged.dig(*path)
    def attribute?(key) = merged.key?(key)

    def from_file(path)
      instance_eval(::File.read(path), path, 1)
    end

    # What Chef would keep on its server.
    def saved
      JSON.pretty_generate(@levels)
    end

    private

    def written(level)
      @merged = nil
      @levels.fetch(level)
    end

    def merged
      @merged ||= Immutable.of(@levels.values.reduce({}) { |all, level| deep(all, level) })
    end

    def deep(low, high)
      low.merge(high) { |_, one, two| one.is_a?(Hash) && two.is_a?(Hash) ? deep(one, two) : two }
    end

    # Grows as it is written.
    def tree
      Hash.new { |hash, key| hash[key.to_s] = key.is_a?(String) ? tree : hash[key.to_s] }
    end

    def machine
      id = ::File.readlines('/etc/os-release').to_h { |line| line.chomp.delete('"').split('=', 2) }
      family = id['ID_LIKE'].to_s.include?('rhel') ? 'rhel' : 'debian'
      { 'platform' => id['ID'], 'platform_family' => family, 'platform_version' => id['VERSION_ID'],
        'hostname' => name, 'fqdn' => name, 'kernel' => { 'machine' => 'x86_64' } }
    end
  end
end
