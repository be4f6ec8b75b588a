# Publishes with redis-rb 4 or later: ruby redis.rb <redis URL> <task> [argument]
require 'json'
require 'redis'

CLIENT = Redis.new(url: ARGV[0])

# The channel of a user whose token has this sub, where tokens grant user:${sub}.
def user_channel(sub)
  'user:' + sub.b.gsub(/[^A-Za-z0-9_.@+~-]/n) { |byte| format('=%02X', byte.ord) }
end

# Stores the message and reaches who listens; with a key, once, however often it is repeated within 10 minutes.
def publish(channel, data, *key)
  CLIENT.call('FCALL', 'fanfare_publish', 1, channel, JSON.generate(data), *key)
end

# Both messages or none; and what else of yours is in the same Redis.
def transaction(order)
  CLIENT.multi do |both|
    ["order:#{order}", 'orders'].each do |channel|
      both.call('FCALL', 'fanfare_publish', 1, channel, JSON.generate(order: order), "order-#{order}")
    end
  end
end

# A message of its own to each of many users, 128 by one call.
def everyone(count)
  answers = CLIENT.pipelined do |pipe|
    (0...count).map(&:to_s).each_slice(128) do |users|
      data = users.map { |user| JSON.generate(hello: user) }
      pipe.call('FCALL', 'fanfare_publish_many', users.size, *users.map { |user| user_channel(user) }, *data)
    end
  end
  # What does not begin with a digit is the error that this one would have had alone; the others are stored.
  answers.flatten.each_with_index { |offset, user| raise "#{user_channel(user.to_s)}: #{offset}" unless offset.match?(/\A\d/) }
end

# Rows of an outbox (id, channel, data), in their order: as often as it is repeated, each is stored once. Delete them after it.
def relay(rows)
  rows.map { |row| publish(row['channel'], row['data'], "outbox-#{row['id']}") }
end

result =
  case ARGV[1]
  when 'publish' then publish('news', { hello: 'ruby' }, 'hello-ruby')
  when 'transaction' then transaction(17)
  when 'everyone' then everyone(ARGV[2].to_i)
  when 'relay' then relay(JSON.parse(ARGV[2]))
  when 'channel' then user_channel(ARGV[2])
  end
puts JSON.generate(result)
