# frozen_string_literal: true

require 'fileutils'
require 'tmpdir'

RSpec.describe StackyardCookbook::FolderDigest do
  around { |example| Dir.mktmpdir { |folder| @folder = folder and example.run } }

  def write(name, text)
    path = File.join(@folder, name)
    FileUtils.mkdir_p(File.dirname(path))
    File.write(path, text)
  end

  def digest
    described_class.of(@folder)
  end

  before { write('a/b.conf', 'one') }

  it('is the same for the same contents') { expect(digest).to eq(digest) }

  it 'is another for other contents, names and links' do
    seen = [digest]
    [-> { write('a/b.conf', 'two') }, -> { write('.hidden', 'x') }, -> { FileUtils.mv("#{@folder}/.hidden", "#{@folder}/seen") },
     -> { File.symlink('/etc', "#{@folder}/link") }].each do |change|
      change.call
      seen << digest
    end
    expect(seen.uniq.length).to eq(5)
  end

  it 'looks at nothing of git, and follows no link' do
    before = digest
    write('.git/index', 'x')
    write('a/.git', 'gitdir: elsewhere')
    expect(digest).to eq(before)
    File.symlink('/', "#{@folder}/root")
    expect(digest).not_to eq(before)
  end

  it 'is of what a link to the folder leads to' do
    Dir.mktmpdir do |other|
      File.symlink(@folder, "#{other}/link")
      expect(described_class.of("#{other}/link")).to eq(digest)
    end
  end

  it 'is of the contents alone, wherever they are' do
    before = digest
    Dir.mktmpdir do |other|
      FileUtils.cp_r("#{@folder}/.", other)
      expect(described_class.of(other)).to eq(before)
    end
  end

  it 'refuses what is not there, and what is no configuration' do
    expect { described_class.of("#{@folder}/none") }.to be_refused(/is not there; fill it first/)
    stub_const('StackyardCookbook::FolderDigest::MOST_FILES', 1)
    write('c', 'x')
    write('d', 'x')
    expect { digest }.to be_refused(/more than 1 files/)
  end
end
