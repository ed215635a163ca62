# frozen_string_literal: true

module StackyardCookbook
  # The releases of a server below ServerFiles::RELEASES, a folder each: named by their version, or by the begin of their
  # tarball's SHA-256. RECORD tells those that served, the latest first.
  module ServerReleases
    RECORD = 'served'
    FOLDER = /\A(?:[0-9a-f]{16}|[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?)\z/.freeze
    # A folder that was never filled to its end, or is being removed.
    PART = '.part'
    USERINFO = %r{(?<=://)[^/?#\s]*@}.freeze
    # Of npm's words, what tells nothing of the cause.
    CODE = /\Acode (\S+)\z/.freeze
    BESIDE = /\A(?:code|syscall|errno|type|path|dest|network|A complete log|$)/.freeze
    private_constant :FOLDER, :USERINFO, :CODE, :BESIDE

    module_function

    # Raises Invalid where it is not told by one of them what is to serve.
    def check_origin(source, version)
      raise Invalid, 'server: source and version; give one of them' if source && version
      raise Invalid, 'server: no source; give a tarball (source) or a version' unless source || version
    end

    # The name of the release that a path lies in, such as the target of ServerFiles::PROGRAM; nil where it is in none.
    def name_of(path)
      path.to_s.b[%r{\A#{Regexp.escape(ServerFiles::RELEASES)}/([^/]+)}, 1]
    end

    # [the text of the record, the names of `entries` that go] once the release `serving` serves. `record` is the text
    # before, nil where there is none, `linked` the release that was linked before. What served before stays, so that
    # going back needs no download; a release that never served does not count. A release goes only when another took
    # over, what was never filled or is half removed at once, first.
    def settle(record, linked:, serving:, entries:)
      before = record.to_s.b.split.grep(FOLDER)
      before = [linked].grep(FOLDER) if before.empty?
      kept = [serving, *(before - [serving])].first(2)
      others = entries.map(&:b).select { |name| name.delete_suffix(PART).match?(FOLDER) } - kept
      parts, releases = others.sort.partition { |name| name.end_with?(PART) }
      ["#{kept.join("\n")}\n", before.first == serving ? parts : parts + releases]
    end

    # A text without the user and password of its URLs.
    def without_userinfo(text)
      text.gsub(USERINFO, '')
    end

    # Why npm failed, in one line, of what it wrote to its standard error, which Chef gives without an encoding.
    def npm_reason(stderr)
      text = without_userinfo(stderr.dup.force_encoding(Encoding::UTF_8).scrub('?'))
      lines = text.lines.map(&:strip).grep(/\Anpm (?:error|ERR!)/).map { |line| line.sub(/\Anpm \S+\s*/, '') }
      code = lines.filter_map { |line| line[CODE, 1] }.first
      told = lines.grep_v(BESIDE).first&.sub(/\A(?:notarget|[0-9]{3})\s+/, '')
      reason = [code, told].compact.join(': ')
      (reason.empty? ? EngineAnswers.first_line(text) : reason)[0, 300]
    end
  end
end
