-- then, for each activity: id, at
for n = 1, #ARGV, 2 do
  local id, at = ARGV[n], tonumber(ARGV[n + 1])
  -- The head is enough, and is mended in place: most of the record is not moved.
  local head = redis.call('GETRANGE', key_of(id), 0, 42)
  if #head == 43 then
    local form, standing, flags, _, _, used, expires, idle = struct.unpack('>BBBi8c8i8i8c8', head)
    -- One of another form must not keep the activity of the others from being written down.
    if form == 1 and standing <= SUSPENDED and at > used and at < expires then
      redis.call('SETRANGE', key_of(id), 19, struct.pack('>i8', at))
      if flags % 4 >= 2 then
        redis.call('ZADD', DUE, 'XX', deadline_after(at, expires, flags, idle), id)
      end
    end
  end
end
return 1
