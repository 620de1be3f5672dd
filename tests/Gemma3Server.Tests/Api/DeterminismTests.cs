using Gemma3Server.Testing;
using Gemma3Server.Tests.Support;

namespace Gemma3Server.Tests.Api;

/// <summary>A seed gives the same answer whatever else the server does; rounding, which the fake has none of, is the real library's matter.</summary>
public sealed class DeterminismTests
{
    private const int Requests = 32;

    private static readonly FakeRuntimeOptions Shape = new() { MaxSequences = 12, ContextLength = 512, SlidingWindow = 32, MicroBatchTokens = 32 };

    [Fact(Timeout = 120_000)]
    public async Task Post_SameSeed_SameAnswerAloneAndAmongThirtyOneOthers()
    {
        List<List<ChatAnswer>> alone = [];
        await using (var quiet = await TestServer.StartAsync(Shape))
        {
            for (var i = 0; i < Requests; i++) alone.Add(await AskAsync(quiet, i));
        }

        await using var busy = await TestServer.StartAsync(Shape);
        for (var round = 0; round < 2; round++) // the second one finds the first one's prefixes
        {
            var together = await Task.WhenAll(Enumerable.Range(0, Requests).Select(i => AskAsync(busy, i)));
            for (var i = 0; i < Requests; i++) Assert.Equal(alone[i], together[i]);
        }

        var texts = alone.SelectMany(answers => answers).Select(answer => answer.Text).ToList();
        Assert.Equal(texts.Count, texts.Distinct().Count());
        await busy.Engine.CheckIntegrityAsync();
    }

    /// <summary>Requests of many kinds: long and short, whole and streamed, one answer or two, with beginnings in common.</summary>
    private static async Task<List<ChatAnswer>> AskAsync(TestServer server, int i)
    {
        var stream = i % 2 == 0;
        using var response = await server.PostAsync(TestServer.Chat(
            $"\"seed\":{i},\"max_tokens\":{20 + i},\"ignore_eos\":true,\"logprobs\":true,\"top_logprobs\":2,\"stop\":\"QQ\",\"frequency_penalty\":0.3"
            + $",\"n\":{(i % 5 == 0 ? 2 : 1)},\"stream\":{(stream ? "true" : "false")}",
            new string((char)('a' + (i % 3)), 3 * i) + i));
        return stream ? await ChatBodies.StreamedAsync(response) : await ChatBodies.WholeAsync(response);
    }
}
