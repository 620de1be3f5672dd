using System.Net;
using Gemma3Server.Engine;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Gemma3Server.Tests.Api;

/// <summary>What can happen to a request between its arrival and its end.</summary>
public sealed class StreamLifeTests
{
    private const int Timeout = 60_000;

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_ClientLeaves_FreesTheSequence(bool stream)
    {
        using var held = new StepGate(3);
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = held.Pass, Next = Endless });
        using var client = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent(TestServer.Chat(stream ? "\"stream\":true" : ""), null, "application/json"),
        };
        var sending = server.Client.SendAsync(request, HttpCompletionOption.ResponseContentRead, client.Token);
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        held.Open();
        await TestServer.UntilAsync(() => server.Engine.Statistics is { Running: 0, Waiting: 0, Cancelled: 1 });
    }

    [Theory]
    [InlineData("")]
    [InlineData("\"stream\":true")]
    public async Task Post_NoMemoryToCompute_Is503AndTheNextRequestIsServed(string more)
    {
        var rows = 0;
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { RowsInMemory = () => rows, Next = ScriptedReply.Of("ok") });
        using var refused = await server.PostAsync(TestServer.Chat(more));
        Assert.Equal(
            """{"error":{"message":"There is no memory left to compute this request.","type":"server_error","param":null,"code":"out_of_memory"}}""",
            await TestServer.ErrorAsync(refused, HttpStatusCode.ServiceUnavailable));
        Assert.NotNull(refused.Headers.RetryAfter);
        rows = int.MaxValue;
        using var served = await server.PostAsync(TestServer.Chat(more));
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_QueueIsFull_Is429WithRetryAfter()
    {
        using var held = new StepGate();
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { MaxSequences = 1, OnForward = held.Pass, Next = ScriptedReply.Of("ok") },
            new() { Engine = new() { QueueLimit = 0 } });
        var running = server.PostAsync(TestServer.Chat());
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        using var refused = await server.PostAsync(TestServer.Chat());
        Assert.Contains("\"type\":\"rate_limit_error\",\"param\":null,\"code\":\"rate_limit_exceeded\"",
            await TestServer.ErrorAsync(refused, HttpStatusCode.TooManyRequests), StringComparison.Ordinal);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        held.Open();
        using var answer = await running;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_RuntimeFailsInPrefill_Is500(bool stream)
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = _ => ForwardStatus.Failed });
        using var response = await server.PostAsync(TestServer.Chat(stream ? "\"stream\":true" : ""));
        Assert.Contains("\"type\":\"server_error\",\"param\":null,\"code\":\"generation_failed\"",
            await TestServer.ErrorAsync(response, HttpStatusCode.InternalServerError), StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_RuntimeFailsMidStream_EndsWithErrorEvent()
    {
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { OnForward = step => step < 3 ? ForwardStatus.Ok : ForwardStatus.Failed, Next = Endless });
        using var response = await server.PostAsync(TestServer.Chat("\"stream\":true"));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var last = (await TestServer.ReadAsync(response)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1];
        Assert.StartsWith("data: {\"error\":{\"message\":", last, StringComparison.Ordinal);
        Assert.EndsWith("\"type\":\"server_error\",\"param\":null,\"code\":\"generation_failed\"}}", last, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_LongPrefill_SendsKeepAlives()
    {
        using var held = new StepGate();
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(
            () => new FakeModelRuntime(new() { OnForward = held.Pass, Next = ScriptedReply.Of("ok") }), null, ready: true,
            services => services.AddSingleton<TimeProvider>(time));
        var sending = server.PostAsync(TestServer.Chat("\"stream\":true"), HttpCompletionOption.ResponseHeadersRead);
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        await time.FireAsync();
        using var response = await sending;
        await time.FireAsync();
        held.Open();
        var body = await TestServer.ReadAsync(response);
        Assert.StartsWith(": keep-alive\n\n: keep-alive\n\ndata: {", body, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", body, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_WaitsInTheQueue_SendsItsPosition()
    {
        using var held = new StepGate();
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(
            () => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = held.Pass, Next = ScriptedReply.Of("ok") }), null, ready: true,
            services => services.AddSingleton<TimeProvider>(time));
        var running = server.PostAsync(TestServer.Chat());
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        var second = server.PostAsync(TestServer.Chat());
        await TestServer.UntilAsync(() => server.Engine.Statistics.Waiting == 1);
        var sending = server.PostAsync(TestServer.Chat("\"stream\":true"), HttpCompletionOption.ResponseHeadersRead);
        await TestServer.UntilAsync(() => server.Engine.Statistics.Waiting == 2);
        await time.FireAsync();
        using var response = await sending;
        held.Open();
        var body = await TestServer.ReadAsync(response);
        Assert.StartsWith(": queued, position 2\n\ndata: {", body, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", body, StringComparison.Ordinal);
        (await running).Dispose();
        (await second).Dispose();
    }

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_TimeIsUpInTheQueue_Is504(bool stream)
    {
        using var held = new StepGate();
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(
            () => new FakeModelRuntime(new() { MaxSequences = 1, OnForward = held.Pass, Next = ScriptedReply.Of("a long answer") }), null, ready: true,
            services => services.AddSingleton<TimeProvider>(time));
        var running = server.PostAsync(TestServer.Chat());
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        var waiting = server.PostAsync(TestServer.Chat(stream ? "\"stream\":true" : ""), ("x-request-timeout", "3600"));
        await TestServer.UntilAsync(() => server.Engine.Statistics.Waiting == 1);
        time.Advance(TimeSpan.FromHours(2));
        held.Open();
        using var response = await waiting;
        Assert.Contains("\"type\":\"server_error\",\"param\":null,\"code\":\"request_timeout\"",
            await TestServer.ErrorAsync(response, HttpStatusCode.GatewayTimeout), StringComparison.Ordinal);
        (await running).Dispose();
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_TimeIsUpMidAnswer_EndsWithLength()
    {
        using var held = new StepGate(3);
        var time = new ManualTime();
        await using var server = await TestServer.StartAsync(
            () => new FakeModelRuntime(new() { OnForward = held.Pass, Next = Endless }), null, ready: true, services => services.AddSingleton<TimeProvider>(time));
        var running = server.PostAsync(TestServer.Chat("\"stream\":true"), ("x-request-timeout", "3600"));
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromHours(2));
        held.Open();
        using var response = await running;
        var body = await TestServer.ReadAsync(response);
        Assert.Contains("\"finish_reason\":\"length\"", body, StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", body, StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Stop_WhileAStreamRuns_RefusesNewAndFinishesOld()
    {
        using var held = new StepGate(2);
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { OnForward = held.Pass, Next = ScriptedReply.Of("done") });
        var running = server.PostAsync(TestServer.Chat("\"stream\":true"));
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        var stopping = server.StopAsync();
        await TestServer.UntilAsync(() => server.Engine.State == EngineState.Draining);

        using var refused = await server.PostAsync(TestServer.Chat());
        Assert.Contains("\"code\":\"server_draining\"", await TestServer.ErrorAsync(refused, HttpStatusCode.ServiceUnavailable), StringComparison.Ordinal);
        Assert.NotNull(refused.Headers.RetryAfter);
        using var ready = await server.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken);
        Assert.StartsWith("{\"status\":\"draining\",\"error\":{", await TestServer.ErrorAsync(ready, HttpStatusCode.ServiceUnavailable), StringComparison.Ordinal);

        held.Open();
        using var answer = await running;
        Assert.EndsWith("data: [DONE]\n\n", await TestServer.ReadAsync(answer), StringComparison.Ordinal);
        await stopping;
    }

    [Fact(Timeout = Timeout)]
    public async Task Stop_StreamOutlivesTheDrain_EndsWithErrorEvent()
    {
        using var held = new StepGate(2);
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { OnForward = held.Pass, Next = Endless }, new() { Http = new() { DrainTimeout = 0 } });
        var running = server.PostAsync(TestServer.Chat("\"stream\":true"));
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        var stopping = server.StopAsync();
        await TestServer.UntilAsync(() => server.Engine.State == EngineState.Draining);
        held.Open();
        using var answer = await running;
        Assert.EndsWith("\"code\":\"server_draining\"}}\n\n", await TestServer.ReadAsync(answer), StringComparison.Ordinal);
        await stopping;
    }

    [Fact(Timeout = Timeout)]
    public async Task Start_WhileTheModelLoads_AnswersHealthAndModelsAndRefusesChats()
    {
        using var loading = new ManualResetEventSlim();
        await using var server = await TestServer.StartAsync(
            () =>
            {
                loading.Wait();
                return new FakeModelRuntime();
            },
            null, ready: false);
        Assert.Equal("{\"status\":\"ok\"}", await server.Client.GetStringAsync("/health", TestContext.Current.CancellationToken));
        using var ready = await server.Client.GetAsync("/health/ready", TestContext.Current.CancellationToken);
        Assert.Equal(
            """{"status":"loading","error":{"message":"The model is still being loaded; try again soon.","type":"server_error","param":null,"code":"model_loading"},"running":0,"waiting":0}""",
            await TestServer.ErrorAsync(ready, HttpStatusCode.ServiceUnavailable));
        using var refused = await server.PostAsync(TestServer.Chat());
        Assert.Contains("\"code\":\"model_loading\"", await TestServer.ErrorAsync(refused, HttpStatusCode.ServiceUnavailable), StringComparison.Ordinal);
        Assert.Contains(TestServer.ModelId, await server.Client.GetStringAsync("/v1/models", TestContext.Current.CancellationToken), StringComparison.Ordinal);

        loading.Set();
        await server.Engine.Ready;
        Assert.Equal("{\"status\":\"ready\",\"running\":0,\"waiting\":0}", await server.Client.GetStringAsync("/health/ready", TestContext.Current.CancellationToken));
    }

    private static int? Endless(IReadOnlyList<int> held) => FakeTokenizer.FirstByte + 'x';
}
