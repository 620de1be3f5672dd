using System.Net.Http.Json;
using System.Text.Json;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>What <c>x-deterministic</c> promises, on the real library: the same tokens to the bit, whatever the load.</summary>
public sealed class PocketDeterminismTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private const int Others = 31;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private HttpClient Http => fixture.Process.Http;

    [Fact]
    public async Task Post_Deterministic_SameTextAloneAndAmongThirtyOneOthers()
    {
        var alone = await AskAsync(7, 1);
        Assert.NotEqual(alone, await AskAsync(8, 1));

        var streams = await Task.WhenAll(Enumerable.Range(0, Others).Select(i => ChatStream.OpenAsync(Http, ChatStream.Body($"Tell me about {i}.", 900, seed: i))));
        await Task.WhenAll(streams.Select(stream => stream.ReadTextAsync(1, Cancellation)));
        var among = await AskAsync(7, 1);
        using var health = JsonDocument.Parse(await Http.GetStringAsync(new Uri("health/ready", UriKind.Relative), Cancellation));
        Assert.Equal(Others, health.RootElement.GetProperty("running").GetInt32()); // they have run beside it all the time
        foreach (var stream in streams) await stream.DisposeAsync();
        Assert.Equal(alone, among);
    }

    [Fact]
    public async Task Post_FourChoices_EqualFourRequestsWithTheNextSeeds()
    {
        var together = await AskAsync(20, 4);
        Assert.Equal(4, together.Distinct().Count());
        for (var i = 0; i < 4; i++) Assert.Equal([together[i]], await AskAsync(20 + i, 1));
    }

    private async Task<string[]> AskAsync(int seed, int n)
    {
        var body = ChatStream.Body("What is the capital of France?", 40, stream: false, seed);
        (body["n"], body["temperature"], body["top_k"], body["top_p"]) = (n, 2, 0, 1);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri("v1/chat/completions", UriKind.Relative)) { Content = JsonContent.Create(body) };
        request.Headers.Add("x-deterministic", "1");
        using var response = await Http.SendAsync(request, Cancellation);
        var json = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.True(response.IsSuccessStatusCode, json.ToString());
        return [.. json.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("message").GetProperty("content").GetString()!)];
    }
}
