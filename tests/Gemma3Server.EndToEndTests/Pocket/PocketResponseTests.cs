using System.ClientModel;
using System.Net.Http.Json;
using System.Text.Json;
using OpenAI.Responses;

namespace Gemma3Server.EndToEndTests.Pocket;

#pragma warning disable OPENAI001 // the client calls its own Responses API experimental

/// <summary>The Responses API on the real native library and a model that knows something.</summary>
public sealed class PocketResponseTests(PocketServer fixture) : IClassFixture<PocketServer>
{
    private const string Model = "gemma-3-pocket-it-qat-q4_0";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Continue_ThreeResponsesLater_RemembersTheName()
    {
        string? previous = null;
        var answer = "";
        foreach (var question in (string[])["My name is Clara.", "What is the capital of France?", "What is my name?"])
        {
            ResponseResult response = await Client(fixture.Process).CreateResponseAsync(Options(question, previous), Cancellation);
            (previous, answer) = (response.Id, response.GetOutputText());
        }

        Assert.Contains("Clara", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stream_OfAnAnswer_ConcatenatesToTheWholeAndIsToldAgain()
    {
        var client = Client(fixture.Process);
        ResponseResult whole = await client.CreateResponseAsync(Options("Count from 3 to 9."), Cancellation);
        Assert.Equal("3, 4, 5, 6, 7, 8, 9", whole.GetOutputText().TrimEnd('.'));
        var options = Options("Count from 3 to 9.");
        options.StreamingEnabled = true;
        var told = await TextAsync(await client.CreateResponseStreamingAsync(options, Cancellation));
        var again = await TextAsync(await client.GetResponseStreamingAsync(whole.Id, Cancellation));
        Assert.Equal((whole.GetOutputText(), whole.GetOutputText()), (told, again));
    }

    [Fact]
    public async Task Kill_WithResponsesInTheBackground_TheNextServerKnowsThemAll()
    {
        var folder = Directory.CreateTempSubdirectory("gemma3-responses-").FullName;
        try
        {
            string[] arguments = ["--parallel", "1", "--context", "2048", "--set", $"Responses:Path={Path.Combine(folder, "responses.db")}"];
            string answered;
            var background = new List<string>();
            await using (var server = await ServerProcess.StartAsync(arguments))
            {
                answered = (await CreateAsync(server, """{"input":"My name is Clara.","temperature":0}""")).GetProperty("id").GetString()!;
                for (var i = 0; i < 3; i++)
                {
                    var queued = await CreateAsync(server, """{"input":"Hello","background":true,"ignore_eos":true,"max_output_tokens":1900}""");
                    background.Add(queued.GetProperty("id").GetString()!);
                }
            } // killed

            await using var next = await ServerProcess.StartAsync(arguments);

            // The last one waited for two that take seconds.
            using var last = JsonDocument.Parse(await next.Http.GetStringAsync(new Uri($"v1/responses/{background[^1]}", UriKind.Relative), Cancellation));
            Assert.Equal("failed", last.RootElement.GetProperty("status").GetString());
            Assert.Equal("server_error", last.RootElement.GetProperty("error").GetProperty("code").GetString());
            ResponseResult response = await Client(next).CreateResponseAsync(Options("What is my name?", answered), Cancellation);
            Assert.Contains("Clara", response.GetOutputText(), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<JsonElement> CreateAsync(ServerProcess server, string body)
    {
        using var content = new StringContent(body, null, "application/json");
        using var response = await server.Http.PostAsync(new Uri("v1/responses", UriKind.Relative), content, Cancellation);
        return await response.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>(Cancellation);
    }

    private static async Task<string> TextAsync(IAsyncEnumerable<StreamingResponseUpdate> updates)
    {
        var text = "";
        await foreach (var update in updates.WithCancellation(Cancellation))
            if (update is StreamingResponseOutputTextDeltaUpdate delta) text += delta.Delta;
        return text;
    }

    private static CreateResponseOptions Options(string question, string? previous = null) =>
        new(Model, [ResponseItem.CreateUserMessageItem(question)]) { Temperature = 0, PreviousResponseId = previous };

    private static ResponsesClient Client(ServerProcess server) =>
        new(new ApiKeyCredential("none"), new ResponsesClientOptions { Endpoint = new Uri(server.Address, "v1") });
}
