using System.Net;
using Gemma3Server.Engine;
using Gemma3Server.Responses;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Gemma3Server.Tests.Api.Responses;

/// <summary>What can happen to a response while it runs, with its client and without.</summary>
public sealed class BackgroundResponseTests
{
    private const int Timeout = 60_000;

    [Fact(Timeout = Timeout)]
    public async Task Post_Background_RunsToTheEndWithoutTheClient()
    {
        using var held = new StepGate();
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = held.Pass, Next = ScriptedReply.Of("ok") });
        var queued = await server.RespondAsync(ResponseCalls.Body("\"background\":true")).JsonAsync();
        Assert.Equal(("queued", true, "[]"), (queued.Status(), queued.GetProperty("background").GetBoolean(), queued.GetProperty("output").GetRawText()));
        Assert.Equal("queued", (await server.GetAsync($"/v1/responses/{queued.Id()}")).Status());
        var follower = server.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{queued.Id()}\""));
        Assert.Contains("has not ended yet; it is queued", (await follower.ErrorAsync(HttpStatusCode.BadRequest)).GetRawText(), StringComparison.Ordinal);

        held.Open();
        var ended = await UntilEndedAsync(server, queued.Id());
        Assert.Equal(("completed", "ok"), (ended.Status(), ended.Text()));
        Assert.Equal("completed", (await server.SendAsync(HttpMethod.Post, $"/v1/responses/{queued.Id()}/cancel").JsonAsync()).Status());
        await server.RespondAsync(ResponseCalls.Body($"\"previous_response_id\":\"{queued.Id()}\"")).JsonAsync();
    }

    [Fact(Timeout = Timeout)]
    public async Task Get_RunningAsStream_FollowsFromWhereTheClientWas()
    {
        using var held = new StepGate(4);
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = held.Pass, Next = ScriptedReply.Of("abcdef") });
        var id = (await server.RespondAsync(ResponseCalls.Body("\"background\":true")).JsonAsync()).Id();
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        await TestServer.UntilAsync(() => server.GetAsync($"/v1/responses/{id}").Result.Status() == "in_progress");
        var all = server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}?stream=true");
        var rest = server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}?stream=true&starting_after=4");
        await Task.WhenAll(all, rest); // both have their headers while it runs
        held.Open();
        var events = await all.EventsAsync();
        Assert.Equal(
            ["response.created", "response.queued", "response.in_progress", "response.output_item.added", "response.content_part.added",
                .. Enumerable.Repeat("response.output_text.delta", 6), "response.output_text.done", "response.content_part.done",
                "response.output_item.done", "response.completed"],
            events.Select(told => told.Type()));
        Assert.Equal(events.Skip(5).Select(told => told.GetRawText()), (await rest.EventsAsync()).Select(told => told.GetRawText()));
    }

    [Fact(Timeout = Timeout)]
    public async Task Cancel_Running_EndsItAndItsStreamsAndTwiceIsTheSame()
    {
        using var held = new StepGate(4);
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = held.Pass, Next = Endless });
        var stream = server.RespondAsync(ResponseCalls.Body("\"background\":true,\"stream\":true"));
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        using var streaming = await stream;
        var reading = streaming.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        var id = await FirstIdAsync(server);
        var cancelled = await server.SendAsync(HttpMethod.Post, $"/v1/responses/{id}/cancel").JsonAsync();
        held.Open();
        Assert.Equal("cancelled", cancelled.Status());
        Assert.Equal(cancelled.GetRawText(), (await server.SendAsync(HttpMethod.Post, $"/v1/responses/{id}/cancel").JsonAsync()).GetRawText());
        Assert.Equal(cancelled.GetRawText(), (await server.GetAsync($"/v1/responses/{id}")).GetRawText());
        var events = ResponseElements.Events(await reading);
        Assert.DoesNotContain(events, told => told.Type() is "response.completed" or "response.failed" or "error");
        Assert.Equal(events.Select(told => told.GetRawText()),
            (await server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}?stream=true").EventsAsync()).Select(told => told.GetRawText()));
        await TestServer.UntilAsync(() => server.Engine.Statistics is { Running: 0, Waiting: 0, Cancelled: 1 });

        async Task<string> FirstIdAsync(TestServer from)
        {
            // The only stored response; its id is in the stream, which is still being read.
            var ids = await from.Services.GetRequiredService<ResponseStore>().Database
                .RunAsync(connection => SqliteCommands.Query(connection, "SELECT id FROM responses", row => row.GetString(0)));
            return Assert.Single(ids);
        }
    }

    [Fact(Timeout = Timeout)]
    public async Task Cancel_NotInTheBackground_Is400()
    {
        await using var server = await TestServer.StartAsync("a");
        var id = (await server.RespondAsync(ResponseCalls.Body()).JsonAsync()).Id();
        var error = await server.SendAsync(HttpMethod.Post, $"/v1/responses/{id}/cancel").ErrorAsync(HttpStatusCode.BadRequest);
        Assert.Equal("response_not_cancellable", error.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact(Timeout = Timeout)]
    public async Task Delete_RunningInTheBackground_CancelsItAndLeavesNothing()
    {
        using var held = new StepGate(4);
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = held.Pass, Next = Endless });
        var id = (await server.RespondAsync(ResponseCalls.Body("\"background\":true")).JsonAsync()).Id();
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        await server.SendAsync(HttpMethod.Delete, $"/v1/responses/{id}").JsonAsync();
        held.Open();
        await server.SendAsync(HttpMethod.Get, $"/v1/responses/{id}").ErrorAsync(HttpStatusCode.NotFound);
        await TestServer.UntilAsync(() => server.Engine.Statistics is { Running: 0, Waiting: 0, Cancelled: 1 });
    }

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_ClientLeaves_FreesTheSequenceAndIsStoredAsCancelled(bool stream)
    {
        using var held = new StepGate(3);
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = held.Pass, Next = Endless });
        using var client = new CancellationTokenSource();
        using var content = new StringContent(ResponseCalls.Body(stream ? "\"stream\":true" : ""), null, "application/json");
        var sending = server.Client.PostAsync(new Uri("/v1/responses", UriKind.Relative), content, client.Token);
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        held.Open();
        await TestServer.UntilAsync(() => server.Engine.Statistics is { Running: 0, Waiting: 0, Cancelled: 1 });
        var store = server.Services.GetRequiredService<ResponseStore>();
        await TestServer.UntilAsync(() => store.Database.RunAsync(connection => SqliteCommands.Query(
            connection, "SELECT 1 FROM responses WHERE running = 0 AND body LIKE '%\"status\":\"cancelled\"%'", row => 1).Count).Result == 1);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_QueueIsFull_Is429AndNothingIsStored()
    {
        using var held = new StepGate();
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { MaxSequences = 1, OnForward = held.Pass, Next = ScriptedReply.Of("ok") }, new() { Engine = new() { QueueLimit = 0 } });
        var running = server.RespondAsync(ResponseCalls.Body());
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        using var refused = await server.RespondAsync(ResponseCalls.Body("\"background\":true"));
        Assert.Contains("rate_limit_exceeded", await TestServer.ErrorAsync(refused, HttpStatusCode.TooManyRequests), StringComparison.Ordinal);
        Assert.NotNull(refused.Headers.RetryAfter);
        held.Open();
        Assert.Equal("completed", (await running.JsonAsync()).Status());
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_RuntimeFailsInPrefill_Is500()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = _ => ForwardStatus.Failed });
        var error = await server.RespondAsync(ResponseCalls.Body()).ErrorAsync(HttpStatusCode.InternalServerError);
        Assert.Equal("generation_failed", error.GetProperty("error").GetProperty("code").GetString());
    }

    [Theory(Timeout = Timeout)]
    [InlineData(0)]
    [InlineData(3)]
    public async Task Post_RuntimeFailsInAStream_TellsErrorAndFailed(int good)
    {
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { OnForward = step => step < good ? ForwardStatus.Ok : ForwardStatus.Failed, Next = Endless });
        var events = await server.RespondAsync(ResponseCalls.Body("\"stream\":true")).EventsAsync();
        Assert.Equal("""{"type":"error","sequence_number":N,"code":"server_error","message":"M","param":null}""",
            events[^2].GetRawText().Replace($"{events.Count - 2}", "N", StringComparison.Ordinal)
                .Replace(events[^2].GetProperty("message").GetString()!, "M", StringComparison.Ordinal));
        var failed = events[^1].GetProperty("response");
        Assert.Equal(("response.failed", "failed", "server_error"), (events[^1].Type(), failed.Status(), failed.GetProperty("error").GetProperty("code").GetString()));
        Assert.Equal(new string('x', good), failed.Text());
        Assert.Equal(events.Select(told => told.GetRawText()),
            (await server.SendAsync(HttpMethod.Get, $"/v1/responses/{failed.Id()}?stream=true").EventsAsync()).Select(told => told.GetRawText()));
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_LongPrefill_SendsKeepAlivesAfterTheFirstEvents()
    {
        using var held = new StepGate();
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(
            () => new FakeModelRuntime(new() { OnForward = held.Pass, Next = ScriptedReply.Of("ok") }), null, ready: true,
            services => services.AddSingleton<TimeProvider>(time));
        using var response = await server.RespondAsync(ResponseCalls.Body("\"stream\":true"));
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        await time.FireAsync();
        held.Open();
        var parts = (await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken)).Split("\n\n");
        Assert.StartsWith("event: response.in_progress\n", parts[1], StringComparison.Ordinal);
        Assert.Equal(": keep-alive", parts[2]);
    }

    [Fact(Timeout = Timeout)]
    public async Task Stop_BackgroundOutlivesTheDrain_IsStoredAsFailed()
    {
        var path = Path.Combine(Path.GetTempPath(), $"gemma3-responses-{Guid.NewGuid():N}.db");
        try
        {
            string id;
            using (var held = new StepGate(2))
            {
                await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = held.Pass, Next = Endless },
                    new() { Http = new() { DrainTimeout = 0 }, Responses = new() { Path = path } });
                id = (await server.RespondAsync(ResponseCalls.Body("\"background\":true")).JsonAsync()).Id();
                await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
                var stopping = server.StopAsync();
                await TestServer.UntilAsync(() => server.Engine.State == EngineState.Draining);
                held.Open();
                await stopping;
            }

            await using var next = await TestServer.StartAsync("a", new() { Responses = new() { Path = path } });
            var body = await next.GetAsync($"/v1/responses/{id}");
            Assert.Equal("failed", body.Status());
            Assert.Contains("stopping", body.GetProperty("error").GetProperty("message").GetString(), StringComparison.OrdinalIgnoreCase);
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static async Task<System.Text.Json.JsonElement> UntilEndedAsync(TestServer server, string id)
    {
        while (true)
        {
            var body = await server.GetAsync($"/v1/responses/{id}");
            if (body.Status() is not ("queued" or "in_progress")) return body;
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    private static int? Endless(IReadOnlyList<int> held) => FakeTokenizer.FirstByte + 'x';
}
