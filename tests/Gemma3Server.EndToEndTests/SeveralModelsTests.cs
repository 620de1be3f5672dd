using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Gemma3Server.Testing;

namespace Gemma3Server.EndToEndTests;

/// <summary>Several models in one process of the real program, with memory for one.</summary>
public sealed class SeveralModelsTests
{
    private const string Pocket = "gemma-3-pocket-it-qat-q4_0";

    private static readonly string[] Sizes = ["--parallel", "2", "--context", "512", "--set", "Models:ServePulled=false", .. TestLibrary.HostOnly];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Serve_RoomForOne_EachAnswersAsAloneAndMemoryIsGivenBack()
    {
        var files = new Dictionary<string, string> { ["first"] = Checkpoints.Path("tiny", 7), ["second"] = Checkpoints.Path("tiny", 8), [Pocket] = "" };
        var (alone, bytes) = (new Dictionary<string, string>(), new Dictionary<string, long>());
        foreach (var (id, file) in files)
        {
            await using var server = await ServerProcess.StartAsync([.. file.Length > 0 ? ["--model", file, "--model-id", id] : Array.Empty<string>(), .. Sizes]);
            alone[id] = await AskAsync(server.Http, id);
            bytes[id] = (await StatusAsync(server.Http, id)).GetProperty("host_bytes").GetInt64();
        }

        Assert.Equal(3, alone.Values.Distinct().Count());

        // Room for the largest, and not for the two smallest together.
        var most = bytes.Values.Max() + (1 << 20);
        Assert.True(most < bytes.Values.Order().Take(2).Sum(), string.Join(' ', bytes));
        await using var together = await ServerProcess.StartAsync(
        [
            .. Sizes, "--set", "Models:PinDefault=false", "--set", $"Models:MostBytes={most}", "--set", "Http:AdminKeys:0=admin",
            "--set", $"Models:Serve:first:Path={files["first"]}", "--set", $"Models:Serve:second:Path={files["second"]}",
        ]);
        var asked = Enumerable.Range(0, 15).Select(i => files.Keys.ElementAt(i % 3)).Select(async id => (Id: id, Text: await AskAsync(together.Http, id)));
        foreach (var (id, text) in await Task.WhenAll(asked)) Assert.Equal(alone[id], text);

        // One after the other, too: each request unloads the model before.
        foreach (var id in files.Keys.Concat(files.Keys))
        {
            Assert.Equal(alone[id], await AskAsync(together.Http, id));
            Assert.Equal([id], await LoadedAsync(together.Http, files.Keys));
            if (files[id].Length > 0) Assert.True(IsMapped(together, files[id]));
        }

        // The file that is mapped is what the native model holds: gone with its last handle.
        Assert.Equal(alone["second"], await AskAsync(together.Http, "second"));
        Assert.True(IsMapped(together, files["second"]));
        using var unload = new HttpRequestMessage(HttpMethod.Post, "models/unload") { Content = JsonContent.Create(new { model = "second" }) };
        unload.Headers.Authorization = new("Bearer", "admin");
        using var unloaded = await together.Http.SendAsync(unload, Cancellation);
        Assert.True(unloaded.IsSuccessStatusCode, $"{await unloaded.Content.ReadAsStringAsync(Cancellation)}\n{together.Output}");
        Assert.False(IsMapped(together, files["second"]));
        Assert.False(IsMapped(together, files["first"]));
        Assert.Empty(await LoadedAsync(together.Http, files.Keys));
        Assert.Empty(together.ErrorLines);
    }

    [Fact]
    public async Task Serve_ModelThatCannotBeLoaded_IsA503AndTheServerGoesOn()
    {
        var broken = Checkpoints.Truncated("tiny", 300_000);
        await using var server = await ServerProcess.StartAsync(
        [
            .. Sizes, "--set", $"Models:Serve:broken:Path={broken}",
            // The planner knows that this cannot fit into any machine of today, whatever is unloaded for it.
            "--set", $"Models:Serve:huge:Path={Checkpoints.Path("270m")}", "--set", "Models:Serve:huge:Parallel=256", "--set", "Models:Serve:huge:ContextLength=32768",
            "--set", $"Models:MostBytes={100 << 20}",
        ]);
        foreach (var (id, code) in new[] { ("broken", "model_failed"), ("huge", "out_of_memory") })
        {
            using var refused = await PostAsync(server.Http, id);
            var text = await refused.Content.ReadAsStringAsync(Cancellation);
            Assert.True(refused.StatusCode == HttpStatusCode.ServiceUnavailable, text);
            Assert.Contains($"\"code\":\"{code}\"", text, StringComparison.Ordinal);
            Assert.NotNull(refused.Headers.RetryAfter);
            Assert.Equal("failed", (await StatusAsync(server.Http, id)).GetProperty("value").GetString());
        }

        Assert.NotEmpty(await AskAsync(server.Http, Pocket));
        Assert.Equal(Pocket, Assert.Single(await LoadedAsync(server.Http, ["broken", "huge", Pocket])));
    }

    [Fact]
    public async Task Serve_MoreConversationsThanFit_IsLoadedSmaller()
    {
        // A million cells of 36 KiB each would not fit; with fewer conversations they do.
        await using var server = await ServerProcess.StartAsync(
            "--model", Checkpoints.Path("270m"), "--parallel", "256", "--context", "4096", "--set", $"Models:MostBytes={2_000L << 20}", "--set", "Models:ServePulled=false");
        Assert.Contains("loaded smaller than configured", server.Output, StringComparison.Ordinal);
        Assert.NotEmpty(await AskAsync(server.Http, "gemma-3-270m"));
        Assert.True((await StatusAsync(server.Http, "gemma-3-270m")).GetProperty("host_bytes").GetInt64() <= 2_000L << 20);
    }

    private static async Task<HttpResponseMessage> PostAsync(HttpClient http, string model) => await http.PostAsJsonAsync(
        new Uri("v1/chat/completions", UriKind.Relative),
        new { model, messages = new[] { new { role = "user", content = "What is the capital of France?" } }, temperature = 0, max_tokens = 24, ignore_eos = true },
        Cancellation);

    private static async Task<string> AskAsync(HttpClient http, string model)
    {
        using var response = await PostAsync(http, model);
        var json = await response.Content.ReadFromJsonAsync<JsonElement>(Cancellation);
        Assert.True(response.IsSuccessStatusCode, json.ToString());
        Assert.Equal(model, json.GetProperty("model").GetString());
        return json.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
    }

    private static async Task<JsonElement> StatusAsync(HttpClient http, string model) =>
        (await http.GetFromJsonAsync<JsonElement>(new Uri($"v1/models/{model}", UriKind.Relative), Cancellation)).GetProperty("status");

    private static async Task<List<string>> LoadedAsync(HttpClient http, IEnumerable<string> models)
    {
        List<string> loaded = [];
        foreach (var model in models)
            if ((await StatusAsync(http, model)).GetProperty("value").GetString() == "loaded") loaded.Add(model);
        return loaded;
    }

    private static bool IsMapped(ServerProcess server, string file) => File.ReadAllText($"/proc/{server.Id}/maps").Contains(file, StringComparison.Ordinal);
}
