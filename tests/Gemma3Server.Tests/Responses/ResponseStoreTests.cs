using System.Net;
using Gemma3Server.Api.Responses;
using Gemma3Server.Hosting;
using Gemma3Server.Responses;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gemma3Server.Tests.Responses;

/// <summary>What outlives a request, a server, and a fault of the disk.</summary>
public sealed class ResponseStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gemma3-responses-").FullName;

    private string File => Path.Combine(_folder, "state", "responses.db");

    private Gemma3ServerOptions Options => new() { Responses = new() { Path = File } };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Restart_SameFile_KnowsAndContinuesWhatWasStored()
    {
        string first, stored;
        await using (var server = await TestServer.StartAsync("Hello", Options))
        {
            var body = await server.RespondAsync(ResponseCalls.Body(input: "\"One\"")).JsonAsync();
            (first, stored) = (body.Id(), body.GetRawText());
        }

        await using var next = await TestServer.StartAsync("Hello", Options);
        Assert.Equal(stored, (await next.GetAsync($"/v1/responses/{first}")).GetRawText());
        Assert.Equal("One", (await next.GetAsync($"/v1/responses/{first}/input_items")).GetProperty("data")[0].GetProperty("content")[0].GetProperty("text").GetString());
        var second = await next.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{first}\"", "\"Two\"")).JsonAsync();
        var whole = await next.RespondAsync(ResponseCalls.Body(input: """
            [{"role":"user","content":"One"},{"role":"assistant","content":"Hello"},{"role":"user","content":"Two"}]
            """)).JsonAsync();
        Assert.Equal(whole.InputTokens(), second.InputTokens());
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
    }

    [Fact]
    public async Task Restart_ResponseWasRunning_IsFailed()
    {
        await using (var died = Store())
        {
            await died.AddAsync(Response("resp_1", status: ResponseStatus.InProgress));
            await died.AddAsync(Response("resp_2", status: ResponseStatus.Queued));
            await died.AddAsync(Response("resp_3"));
        }

        await using var server = await TestServer.StartAsync("a", Options);
        foreach (var id in (string[])["resp_1", "resp_2"])
        {
            var body = await server.GetAsync($"/v1/responses/{id}");
            Assert.Equal("failed", body.Status());
            Assert.Equal("""{"code":"server_error","message":"The server ended before the response did."}""", body.GetProperty("error").GetRawText());
        }

        Assert.Equal("completed", (await server.GetAsync("/v1/responses/resp_3")).Status());
    }

    [Fact(Timeout = 60_000)]
    public async Task Post_FileIsLocked_Is503UntilItIsFree()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File)!);
        TestServer server;
        await using (var other = new SqliteConnection($"Data Source={File};Pooling=false"))
        {
            await other.OpenAsync(TestContext.Current.CancellationToken);
            other.Execute("BEGIN EXCLUSIVE; CREATE TABLE mine (x);");
            server = await TestServer.StartAsync("ok", Options);
            using var refused = await server.RespondAsync(ResponseCalls.Body());
            Assert.Equal(
                """{"error":{"message":"Stored responses are locked by another program. Requests with 'store' set to false need no storage.","type":"server_error","param":null,"code":"storage_unavailable"}}""",
                await TestServer.ErrorAsync(refused, HttpStatusCode.ServiceUnavailable));
            Assert.NotNull(refused.Headers.RetryAfter);
            await TestServer.UntilAsync(() => server.Engine.Statistics is { Running: 0, Waiting: 0 });
            Assert.Equal("ok", (await server.RespondAsync(ResponseCalls.Body("\"store\":false")).JsonAsync()).Text());
        }

        await using (server) Assert.Equal("ok", (await server.RespondAsync(ResponseCalls.Body()).JsonAsync()).Text());
    }

    [Fact(Timeout = 60_000)]
    public async Task Post_DiskIsFull_Is503AndAnAnswerIsNotLost()
    {
        await using var server = await TestServer.StartAsync("ok", Options);
        var database = server.Services.GetRequiredService<ResponseStore>().Database;
        var before = await server.RespondAsync(ResponseCalls.Body()).JsonAsync();

        // A bound on the file's pages fails as a full disk does.
        await BoundAsync(1);
        var large = string.Join(',', Enumerable.Range(0, 16).Select(i => $"\"{i}\":\"{new string('x', 500)}\""));
        using var refused = await server.RespondAsync(ResponseCalls.Body($"\"metadata\":{{{large}}}"));
        Assert.Contains("\"The disk for stored responses is full.", await TestServer.ErrorAsync(refused, HttpStatusCode.ServiceUnavailable), StringComparison.Ordinal);
        Assert.Equal("ok", (await server.RespondAsync(ResponseCalls.Body("\"store\":false")).JsonAsync()).Text());
        Assert.Equal(before.GetRawText(), (await server.GetAsync($"/v1/responses/{before.Id()}")).GetRawText());

        await BoundAsync(4_294_967_294);
        Assert.Equal("ok", (await server.RespondAsync(ResponseCalls.Body()).JsonAsync()).Text());

        // Below the present size it is that.
        Task BoundAsync(long pages) => database.RunAsync(connection => connection.Execute($"PRAGMA max_page_count = {pages}"));
    }

    [Fact]
    public async Task End_CannotBeStored_AnswersAndSaysSoLater()
    {
        await using var server = await TestServer.StartAsync("ok", Options);
        var database = server.Services.GetRequiredService<ResponseStore>().Database;
        await database.RunAsync(connection => connection.Execute(
            "CREATE TRIGGER broken BEFORE UPDATE ON responses BEGIN SELECT RAISE(ABORT, 'no'); END"));
        var body = await server.RespondAsync(ResponseCalls.Body()).JsonAsync();
        Assert.Equal(("completed", "ok"), (body.Status(), body.Text()));
        var later = await server.GetAsync($"/v1/responses/{body.Id()}");
        Assert.Equal(("failed", "The end of the response could not be stored."),
            (later.Status(), later.GetProperty("error").GetProperty("message").GetString()));
    }

    [Fact]
    public async Task Sweep_Retention_SparesWhatIsUsed()
    {
        var time = new SettableTime();
        await using var store = Store(new() { Path = File, RetentionDays = 10 }, time);
        await store.AddAsync(Response("resp_1"));
        await store.AddAsync(Response("resp_2"));
        await store.AddAsync(Response("resp_run", status: ResponseStatus.InProgress));
        time.Advance(TimeSpan.FromDays(9));
        await store.AddAsync(Response("resp_3", previous: "resp_1"));
        Assert.Equal(0, await store.SweepAsync());
        time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(1, await store.SweepAsync());
        Assert.Null(await store.FindAsync("resp_2", ""));
        Assert.Equal(["resp_1", "resp_3"], (await store.FindChainAsync("resp_3", "")).Select(response => response.Body.Id));
        Assert.NotNull(await store.FindAsync("resp_run", ""));
    }

    [Fact(Timeout = 60_000)]
    public async Task Serve_AnHourLater_SweepsTheFile()
    {
        var time = new ManualTime(ResponseSweeper.Interval);
        await using var server = await TestServer.StartAsync(
            () => new FakeModelRuntime(new() { Next = ScriptedReply.Of("ok") }), Options, ready: true,
            services => services.AddSingleton<TimeProvider>(time));
        var (old, young) = (await server.RespondAsync(ResponseCalls.Body()).JsonAsync(), await server.RespondAsync(ResponseCalls.Body()).JsonAsync());
        var database = server.Services.GetRequiredService<ResponseStore>().Database;
        await database.RunAsync(connection => connection.Execute(
            "UPDATE responses SET used_at = used_at - 31 * 86400000 WHERE id = $id", ("$id", old.Id())));
        await time.FireAsync();
        await TestServer.UntilAsync(() => database.RunAsync(connection => connection.Query("SELECT id FROM responses", row => row.GetString(0))).Result is [var id]
            && id == young.Id());
        await server.SendAsync(HttpMethod.Get, $"/v1/responses/{old.Id()}").ErrorAsync(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Add_MoreThanAreKept_DropsTheLongestUnused()
    {
        await using var store = Store(new() { Path = "", MostStored = 3 });
        await store.AddAsync(Response("resp_1"));
        await store.AddAsync(Response("resp_2"));
        await store.AddAsync(Response("resp_3"));
        await store.AddAsync(Response("resp_4", previous: "resp_1"));
        Assert.Null(await store.FindAsync("resp_2", ""));
        await store.AddAsync(Response("resp_5", previous: "resp_4"));
        Assert.Null(await store.FindAsync("resp_3", ""));
        Assert.Equal(["resp_1", "resp_4", "resp_5"], (await store.FindChainAsync("resp_5", "")).Select(response => response.Body.Id));
    }

    [Fact]
    public async Task Add_FileOfTheDefaultCannotBeUsed_KeepsInMemory()
    {
        await using var first = Database(mayFallBack: true);
        await first.RunAsync(connection => connection.Execute("CREATE TABLE a (x)"));
        await using var second = Database(mayFallBack: true);
        await second.RunAsync(connection => connection.Execute("CREATE TABLE a (x)"));
        await using var third = Database(mayFallBack: false);
        await Assert.ThrowsAsync<StorageException>(() => third.RunAsync(connection => connection.Execute("CREATE TABLE b (x)")));
        Assert.Equal((true, false), (second.IsOpen, third.IsOpen));

        ResponseDatabase Database(bool mayFallBack) => new(File, mayFallBack, _ => { }, NullLogger.Instance);
    }

    [Theory]
    [InlineData("/var/lib/gemma3server", "/state", "/home/u", "/var/lib/gemma3server/responses.db")]
    [InlineData("/var/lib/a:/var/lib/b", null, "/home/u", "/var/lib/a/responses.db")]
    [InlineData(null, "/state", "/home/u", "/state/gemma3server/responses.db")]
    [InlineData(null, "relative", "/home/u", "/home/u/.local/state/gemma3server/responses.db")]
    [InlineData("", "", "/home/u", "/home/u/.local/state/gemma3server/responses.db")]
    public void DefaultPath_Surroundings_GiveAStateDirectory(string? service, string? user, string home, string path) =>
        Assert.Equal(path, ResponseSettings.PathIn(service, user, home));

    /// <summary>A random history, against a plain model of what must be there.</summary>
    [Fact]
    public async Task Random_AddFindDelete_AgreesWithAModel()
    {
        var random = new Random(5);
        await using var store = Store(new() { Path = File, MostStored = 1000 });
        var model = new Dictionary<string, (string Owner, string? Previous)>();
        for (var i = 0; i < 400; i++)
        {
            var (owner, known) = ($"owner-{random.Next(3)}", model.Keys.ElementAtOrDefault(random.Next(model.Count + 1)));
            switch (random.Next(4))
            {
                case 0 or 1:
                    var previous = known is not null && model[known].Owner == owner ? known : null;
                    await store.AddAsync(Response($"resp_{i}", owner, previous: previous));
                    model[$"resp_{i}"] = (owner, previous);
                    break;
                case 2 when random.Next(3) == 0:
                    var may = known is not null && model[known].Owner == owner;
                    Assert.Equal(may, await store.DeleteAsync(known ?? "resp_x", owner));
                    if (may) model.Remove(known!);
                    break;
                default:
                    var chain = new List<string>();
                    for (var id = known; id is not null && model.TryGetValue(id, out var entry) && entry.Owner == owner; id = entry.Previous) chain.Insert(0, id);
                    Assert.Equal(chain, (await store.FindChainAsync(known ?? "resp_x", owner)).Select(response => response.Body.Id));
                    Assert.Equal(chain.Count > 0, await store.FindAsync(known ?? "resp_x", owner) is not null);
                    break;
            }
        }

        Assert.InRange(model.Count, 100, 400);
    }

    private ResponseStore Store(ResponseSettings? settings = null, TimeProvider? time = null) =>
        new(settings ?? new() { Path = File }, time ?? new SettableTime(), NullLogger<ResponseStore>.Instance);

    private static StoredResponse Response(string id, string owner = "", string status = ResponseStatus.Completed, string? previous = null) => new()
    {
        Owner = owner,
        Body = new()
        {
            Id = id,
            CreatedAt = 1,
            Status = status,
            Model = "m",
            ServiceTier = "default",
            Text = new(new("text"), "medium"),
            Truncation = "disabled",
            PreviousResponseId = previous,
        },
        Input = [],
    };

    private sealed class SettableTime : TimeProvider
    {
        private DateTimeOffset _now = DateTimeOffset.FromUnixTimeSeconds(FixedTime.UnixSeconds);

        public void Advance(TimeSpan time) => _now += time;

        public override DateTimeOffset GetUtcNow() => _now;
    }
}
