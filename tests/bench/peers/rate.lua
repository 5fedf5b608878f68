-- An open load for LuaJIT: requests fall due at random (Poisson, the same in every run) and are sent then, on whichever
-- of the kept connections is idle; where none is, they wait. The time of a request runs from when it was due to the last
-- byte of its answer, so a proxy that stalls is not spared the requests that a closed load would not have sent.
-- (wrk and `h2load --rps` both count from when they got round to sending, and send in bursts: every ms, every 10 ms.)
-- Arguments: port, requests a second, seconds, connections, file with the request. Linux 5.11 or newer.

local ffi = require("ffi")
local bit = require("bit")
ffi.cdef([[
struct sockaddr_in { uint16_t family; uint16_t port; uint32_t address; char zero[8]; };
struct timespec { long seconds; long nanoseconds; };
int socket(int, int, int);
int connect(int, const struct sockaddr_in *, unsigned);
int setsockopt(int, int, int, const void *, unsigned);
long send(int, const void *, size_t, int);
long recv(int, void *, size_t, int);
int epoll_create1(int);
int epoll_ctl(int, int, int, void *);
int epoll_pwait2(int, void *, int, const struct timespec *, const void *);
int clock_gettime(int, struct timespec *);
int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long);
]])
-- Only x86 packs it.
local event_type = "struct { uint32_t events; int fd; uint32_t rest; }"
if ffi.arch ~= "x64" then
    event_type = "struct { uint32_t events; uint32_t gap; int fd; uint32_t rest; }"
end
local AF_INET, STREAM, TCP, NODELAY, IN, ADD, TIMER_SLACK, DONTWAIT = 2, 1, 6, 1, 1, 1, 29, 0x40
local C = ffi.C

local port, rate, seconds, count = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4])
local request = assert(io.open(arg[5], "rb")):read("*a")

local moment = ffi.new("struct timespec")
local function now()
    C.clock_gettime(1, moment)
    return tonumber(moment.seconds) * 1e6 + tonumber(moment.nanoseconds) / 1e3
end

-- Waits end when asked, not up to 50 µs later.
C.prctl(TIMER_SLACK, 1, 0, 0, 0)
local poll = C.epoll_create1(0)
-- First in, first out.
local function queue()
    local items, first, last = {}, 1, 0
    return {
        put = function(item)
            last = last + 1
            items[last] = item
        end,
        -- Nil where there is none.
        take = function()
            local item = items[first]
            if item then
                items[first] = nil
                first = first + 1
            end
            return item
        end,
    }
end

-- Connections; and when requests were due for which there was none.
local idle, waiting = queue(), queue()
for _ = 1, count do
    local fd = C.socket(AF_INET, STREAM, 0)
    local one = ffi.new("int[1]", 1)
    C.setsockopt(fd, TCP, NODELAY, one, 4)
    local address = ffi.new("struct sockaddr_in", AF_INET)
    address.port = bit.bor(bit.lshift(bit.band(port, 0xff), 8), bit.rshift(port, 8))
    address.address = 0x0100007f
    assert(C.connect(fd, address, ffi.sizeof(address)) == 0, "no connection")
    local event = ffi.new(event_type)
    event.events, event.fd = IN, fd
    assert(C.epoll_ctl(poll, ADD, fd, event) == 0)
    idle.put(fd)
end

-- Answers by their time in µs; the last counts all that took longer.
local LONGEST = 1000000
local times, sent_late = ffi.new("uint32_t[?]", LONGEST + 1), ffi.new("uint32_t[?]", LONGEST + 1)
local due, partial = {}, {}
local done, errors = 0, 0

local function note(histogram, time)
    local at = math.max(0, math.min(LONGEST, math.floor(time)))
    histogram[at] = histogram[at] + 1
end

local function send(fd, at, time)
    due[fd] = at
    note(sent_late, time - at)
    assert(C.send(fd, request, #request, 0) == #request, "a request was not taken")
end

local buffer = ffi.new("char[65536]")
local function receive(fd)
    local size = tonumber(C.recv(fd, buffer, 65536, DONTWAIT))
    assert(size > 0, "a connection ended")
    local text = (partial[fd] or "") .. ffi.string(buffer, size)
    local _, head = text:find("\r\n\r\n", 1, true)
    local length = head and text:match("\r\n[Cc]ontent%-[Ll]ength: *(%d+)")
    if not head or #text < head + tonumber(length) then
        partial[fd] = text
        return
    end
    partial[fd] = nil
    local time = now()
    note(times, time - due[fd])
    done = done + 1
    if text:sub(10, 12) ~= "200" then
        errors = errors + 1
    end
    local at = waiting.take()
    if at then
        send(fd, at, time)
    else
        idle.put(fd)
    end
end

math.randomseed(1)
local begin = now()
local finish, next_due = begin + seconds * 1e6, begin
local sent = 0
local events = ffi.new(event_type .. "[64]")
local wait = ffi.new("struct timespec")
while true do
    local time = now()
    while next_due <= time and next_due < finish do
        sent = sent + 1
        local fd = idle.take()
        if fd then
            send(fd, next_due, time)
        else
            waiting.put(next_due)
        end
        next_due = next_due - math.log(1 - math.random()) * 1e6 / rate
    end
    if next_due >= finish and done == sent then
        break
    end
    assert(time < finish + 5e6, "answers are missing")
    local left = next_due < finish and math.max(0, next_due - now()) or 1e5
    wait.seconds, wait.nanoseconds = 0, math.min(999999999, left * 1e3)
    for at = 0, C.epoll_pwait2(poll, events, 64, wait, nil) - 1 do
        receive(events[at].fd)
    end
end

local function percentile(histogram, share)
    local left = math.ceil(done * share)
    for at = 0, LONGEST do
        left = left - histogram[at]
        if left <= 0 then
            return at
        end
    end
end

print(string.format(
    '{"requests": %d, "seconds": %f, "refused": %d, "p50": %d, "p99": %d, "p999": %d, "sent_late_p99": %d}',
    done, (now() - begin) / 1e6, errors, percentile(times, 0.5), percentile(times, 0.99), percentile(times, 0.999),
    percentile(sent_late, 0.99)
))
