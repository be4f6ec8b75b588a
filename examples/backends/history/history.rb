# What a channel holds, for a page that goes on from there: ruby history.rb <URL of a node> <channel> <last>
require 'erb'
require 'net/http'

# The last messages, JSON as it was published, and the offset behind them: what a browser subscribes `after`. The key has the right to read.
def history(base, channel, last)
  uri = URI("#{base}/v1/channels/#{ERB::Util.url_encode(channel)}?last=#{last}")
  answer = Net::HTTP.get_response(uri, { 'Authorization' => "Bearer #{ENV.fetch('FANFARE_PUBLISH_KEY')}" })
  raise "#{channel}: #{answer.code} #{answer.body}" unless answer.is_a?(Net::HTTPOK)

  { messages: answer.body.force_encoding('UTF-8'), after: answer['Stream-Next-Offset'] }
end

page = history(ARGV[0], ARGV[1], ARGV[2].to_i)
puts %({"messages":#{page[:messages]},"after":"#{page[:after]}"})
