# frozen_string_literal: true

require 'net/http'

class Chef
  # Downloads of `remote_file`, as Chef has them: a file of the wished checksum is asked of nobody, any other only where
  # it is another than the last time (ETag, If-Modified-Since). Chef tries longer where a server is away; this tries once.
  module Download
    FAULTS = [SocketError, Errno::ECONNREFUSED, Errno::ENOENT, Errno::EACCES, Errno::ETIMEDOUT, Timeout::Error,
              Net::HTTPClientException, Net::HTTPFatalError].freeze
    NOTES = ::File.join(CACHE, 'remote_file')
    REDIRECTS = 10

    private

    # The content, nil where the file has it already.
    def downloaded(sources, held)
      source, *others = sources
      fetched(URI(source), held)
    rescue *FAULTS => e
      Log.warn("#{new_resource} cannot be downloaded from #{source}: #{e.message}")
      raise if others.empty?

      downloaded(others, held)
    end

    def fetched(uri, held)
      note = ::File.join(NOTES, "#{uri.to_s.gsub(/\W/, '_')[0, 64]}-#{Digest::SHA256.hexdigest(uri.to_s)[0, 32]}.json")
      answer = asked(uri, { 'Accept-Encoding' => 'identity', **conditions(note, held) }, REDIRECTS)
      return nil if answer.is_a?(Net::HTTPNotModified)

      FileUtils.mkdir_p(NOTES)
      # Chef asks for the header last_modified, which nobody sends: it is the date of the answer.
      told = { etag: answer['etag'], mtime: answer['last_modified'] || answer['date'],
               checksum: Digest::SHA256.hexdigest(answer.body) }
      ::File.write(note, JSON.generate(told))
      answer.body
    end

    # What was told the last time holds for that content alone.
    def conditions(note, held)
      told = ::File.file?(note) ? JSON.parse(::File.read(note)) : {}
      return {} if held.nil? || told['checksum'] != held

      { 'if-none-match' => told['etag'], 'if-modified-since' => told['mtime'] }.compact
    end

    def asked(uri, headers, redirects)
      tls = { use_ssl: uri.scheme == 'https' }
      answer = Net::HTTP.start(uri.hostname, uri.port, **tls) { |opened| opened.request_get(uri.request_uri, headers) }
      return answer if answer.is_a?(Net::HTTPSuccess) || answer.is_a?(Net::HTTPNotModified)
      return asked(uri + answer['location'], headers, redirects - 1) if answer['location'] && redirects.positive?

      answer.error!
    end
  end

  class Resource
    class RemoteFile < File
      provides :remote_file
      property :source, [String, Array], required: true, coerce: proc { |value| Array(value) }, callbacks: {
        'is no absolute URI' => ->(all) { !all.empty? && all.all? { |one| URI(one).absolute? } }
      }
      property :checksum, String

      action_class do
        include Download

        def wished_content
          path = new_resource.path
          held = ::File.file?(path) ? Digest::SHA256.file(path).hexdigest : nil
          wish = new_resource.checksum
          return nil if wish && held&.start_with?(wish)

          content = downloaded(new_resource.source, held)
          found = content && Digest::SHA256.hexdigest(content)
          return content if wish.nil? || found.nil? || found.start_with?(wish)

          raise Exceptions::ChecksumMismatch,
                "Checksum on resource (#{wish[0, 6]}) does not match checksum on content (#{found[0, 6]})"
        end
      end
    end
  end
end
