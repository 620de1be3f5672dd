using System.Net;
using System.Text.Json;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>Several answers to one request.</summary>
public sealed class ChatChoicesTests
{
    private const int Timeout = 60_000;

    private static readonly string LongText = string.Concat(Enumerable.Range(0, 40).Select(i => $"word{i} "));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Post_FourChoices_EqualFourRequestsWithTheNextSeeds(bool stream)
    {
        await using var server = await TestServer.StartAsync();
        using var together = await server.PostAsync(Body(stream, 100, 4));
        var answers = stream ? await ChatBodies.StreamedAsync(together) : await ChatBodies.WholeAsync(together);
        Assert.Equal(4, answers.Count);
        Assert.Equal(4, answers.Select(answer => answer.Text).Distinct().Count());
        for (var i = 0; i < 4; i++)
        {
            using var single = await server.PostAsync(Body(false, 100 + i, 1));
            Assert.Equal(answers[i], Assert.Single(await ChatBodies.WholeAsync(single)));
        }

        static string Body(bool stream, int seed, int n) =>
            TestServer.Chat($"\"seed\":{seed},\"n\":{n},\"max_tokens\":20,\"logprobs\":true,\"top_logprobs\":2,\"stream\":{(stream ? "true" : "false")}", LongText);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Post_Choices_ThePromptIsComputedAndCountedOnce(bool stream)
    {
        FakeModelRuntime? runtime = null;
        await using var server = await TestServer.StartAsync(() => runtime = new(new() { SlidingWindow = 64 }), null, ready: true);
        using var response = await server.PostAsync(TestServer.Chat(
            $"\"n\":4,\"max_tokens\":3,\"ignore_eos\":true{(stream ? ",\"stream\":true,\"stream_options\":{\"include_usage\":true}" : "")}", LongText));
        var text = await TestServer.ReadAsync(response);
        var usage = (stream ? ChatBodies.Events(text)[^1] : JsonDocument.Parse(text).RootElement).GetProperty("usage");
        var prompt = usage.GetProperty("prompt_tokens").GetInt32();
        Assert.Equal((12, prompt + 12, 0), (usage.GetProperty("completion_tokens").GetInt32(), usage.GetProperty("total_tokens").GetInt32(),
            usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32()));

        // Each answer has its own last prompt row, which yields its logits, and computes its own tokens but the last.
        Assert.Equal(prompt + 3 + (4 * 2), runtime!.Rows);
    }

    [Fact]
    public async Task Post_ChoicesWithoutSeed_Differ()
    {
        await using var server = await TestServer.StartAsync();
        using var response = await server.PostAsync(TestServer.Chat("\"n\":3,\"max_tokens\":30,\"ignore_eos\":true"));
        Assert.Equal(3, (await ChatBodies.WholeAsync(response)).Select(answer => answer.Text).Distinct().Count());
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_MoreChoicesThanTheQueueEverTakes_Is400()
    {
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions { MaxSequences = 2 }, new() { Engine = new() { QueueLimit = 1 } });
        using var response = await server.PostAsync(TestServer.Chat("\"n\":4"));
        Assert.Contains("'n' must be from 1 to 3, but is 4.", await TestServer.ErrorAsync(response, HttpStatusCode.BadRequest), StringComparison.Ordinal);
    }

    [Fact(Timeout = Timeout)]
    public async Task Post_MoreChoicesThanTheQueueTakesNow_Is429AndNoneRuns()
    {
        using var held = new StepGate();
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { MaxSequences = 2, OnForward = held.Pass, Next = ScriptedReply.Of("ok") }, new() { Engine = new() { QueueLimit = 1 } });
        var running = server.PostAsync(TestServer.Chat());
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        using var refused = await server.PostAsync(TestServer.Chat("\"n\":3"));
        await TestServer.ErrorAsync(refused, HttpStatusCode.TooManyRequests);
        Assert.Equal(1, server.Engine.Statistics.Running + server.Engine.Statistics.Waiting);
        held.Open();
        using var answer = await running;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_ClientLeaves_FreesAllChoices(bool stream)
    {
        using var held = new StepGate(6);
        await using var server = await TestServer.StartAsync(
            new FakeRuntimeOptions { MaxSequences = 2, OnForward = held.Pass, Next = _ => FakeTokenizer.FirstByte + 'x' });
        using var client = new CancellationTokenSource();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions")
        {
            Content = new StringContent(TestServer.Chat(stream ? "\"n\":5,\"stream\":true" : "\"n\":5"), null, "application/json"),
        };
        var sending = server.Client.SendAsync(request, HttpCompletionOption.ResponseContentRead, client.Token);
        await held.Reached.WaitAsync(TestContext.Current.CancellationToken);
        await client.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending);
        held.Open();
        await TestServer.UntilAsync(() => server.Engine.Statistics is { Running: 0, Waiting: 0, Cancelled: 5 });
        await server.Engine.CheckIntegrityAsync();
    }

    [Theory(Timeout = Timeout)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Post_OneChoiceFails_TheRequestFailsAndTheOthersEnd(bool stream)
    {
        // Failing steps end those that are running; the choices that wait are ended with the request.
        await using var server = await TestServer.StartAsync(new FakeRuntimeOptions
        {
            MaxSequences = 2,
            OnForward = step => step < 6 ? ForwardStatus.Ok : ForwardStatus.Failed,
            Next = _ => FakeTokenizer.FirstByte + 'x',
        });
        using var response = await server.PostAsync(TestServer.Chat(stream ? "\"n\":5,\"stream\":true" : "\"n\":5"));
        if (stream)
            Assert.StartsWith("data: {\"error\":", (await TestServer.ReadAsync(response)).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)[^1], StringComparison.Ordinal);
        else
            await TestServer.ErrorAsync(response, HttpStatusCode.InternalServerError);
        await TestServer.UntilAsync(() => server.Engine.Statistics is { Running: 0, Waiting: 0 });
    }
}
