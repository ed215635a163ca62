# frozen_string_literal: true

module StackyardCookbook
  # The tables and keys of a TOML file by their lines, as far as they can be told without reading all of TOML: enough to
  # change one line and leave the others as they are, which Ruby's standard library cannot.
  class TomlOutline
    KEY = /[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*'/.freeze
    PATH = /(?:#{KEY})(?:[ \t]*\.[ \t]*(?:#{KEY}))*/.freeze
    TABLE = /\A[ \t]*(?:\[[ \t]*(#{PATH})[ \t]*\]|\[\[[ \t]*(#{PATH})[ \t]*\]\])[ \t]*\z/.freeze
    ENTRY = /\A[ \t]*(#{PATH})[ \t]*=(.*)\z/m.freeze
    VALUE = /[^ \t](?:.*[^ \t])?/m.freeze
    STRING = /"(?!"")(?>[^"\\]++|\\.)*+"|'(?!'')[^']*+'/m.freeze
    CODE = /\A(?>[^"'#]++|#{STRING})*+/m.freeze

    # `at` is the index of the line. A key's `path` begins with its table's; `value` is without a comment, that of
    # several lines whole.
    Table = Struct.new(:at, :path)
    Entry = Struct.new(:at, :path, :table, :value, :depth)

    # The lines with their ends; Tables and Entries in order; the number (from 1) of the first line that cannot be told,
    # such as a string of several lines: after it nothing is known.
    attr_reader :lines, :tables, :entries, :unreadable

    def initialize(text)
      @lines = text.lines
      @tables = []
      @entries = []
      @open = nil
      @lines.each_with_index do |line, at|
        @unreadable ||= at + 1 unless told?(line.sub(/\r?\n\z/, ''), at)
      end
      # A list that never ends.
      @unreadable = [@unreadable, @open.at + 1].compact.min if @open
    end

    # The value of a key of the top level; nil without it.
    def top_level(name)
      entries.find { |entry| entry.path == [name] }&.value
    end

    private

    def told?(line, at)
      code = line[CODE]
      return false unless code.length == line.length || line[code.length] == '#'
      return go_on(code) if @open

      code.match?(/\A[ \t]*\z/) || table?(code, at) || entry?(code, at)
    end

    def table?(code, at)
      path = TABLE.match(code)&.captures&.compact&.first
      @tables << Table.new(at, keys(path)) if path
    end

    def entry?(code, at)
      path, value = ENTRY.match(code)&.captures
      return false unless path

      table = @tables.empty? ? [] : @tables.last.path
      @open = Entry.new(at, table + keys(path), table, value[VALUE].to_s, 0)
      @entries << @open
      closed(code)
    end

    def go_on(code)
      @open.value << ' ' << code.strip
      closed(code)
    end

    # An entry goes on where it opens more brackets than it closes.
    def closed(code)
      brackets = code.gsub(STRING, '')
      @open.depth += brackets.count('[{') - brackets.count(']}')
      @open = nil unless @open.depth.positive?
      true
    end

    def keys(path)
      path.scan(KEY).map { |key| key.start_with?('"', "'") ? key[1..-2] : key }
    end
  end
end
