using System.Text.Json;
using Gemma3Server.EndToEndTests.Pocket;
using Gemma3Server.Hosting;
using Gemma3Server.Tests.Hub;

namespace Gemma3Server.EndToEndTests;

/// <summary>From a name to an answer: a model is pulled from a hub and served by its name, each by the real program.</summary>
public sealed class PulledModelTests : IDisposable
{
    private const string Repository = "owner/gemma-3-pocket-GGUF";
    private const string File = "gemma-3-pocket-Q4_0.gguf";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gemma3server-pulled-");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pull_ThenServeByName_Answers()
    {
        await using var hub = await LocalHub.StartAsync();
        var drops = 0;
        hub.Fault = _ => Interlocked.Increment(ref drops) <= 3 ? new() { DropAfter = 700_000 } : null;
        hub.Add(Repository, File, await System.IO.File.ReadAllBytesAsync(EmbeddedModel.Path, Cancellation));
        string[] entry =
        [
            "--models-dir", _folder.FullName, "--set", "Catalog:pocket:Source=hub", "--set", "Catalog:pocket:Aliases:0=gemma3:pocket",
            "--set", $"Catalog:pocket:Sources:hub:Repository={Repository}", "--set", $"Catalog:pocket:Sources:hub:File:Path={File}",
        ];

        await using (var early = ServerProcess.Run(["serve", "--model", "gemma3:pocket", .. entry]))
        {
            Assert.Equal(1, await early.ExitCodeAsync());
            Assert.Contains("gemma3server pull gemma3:pocket", early.Output, StringComparison.Ordinal);
        }

        await using (var pull = ServerProcess.Run(
            ["pull", "pocket", .. entry], "env", "-u", "HF_TOKEN", $"HF_HOME={_folder.FullName}", $"HF_ENDPOINT={hub.Endpoint}", "NO_PROXY=127.0.0.1,localhost"))
        {
            Assert.True(await pull.ExitCodeAsync() == 0, pull.Output);
        }

        await using var server = await ServerProcess.StartAsync(["--model", "gemma3:pocket", "--context", "1024", .. entry]);
        using var models = JsonDocument.Parse(await server.Http.GetStringAsync(new Uri("v1/models", UriKind.Relative), Cancellation));
        Assert.Equal("gemma3:pocket", models.RootElement.GetProperty("data")[0].GetProperty("id").GetString());
        Assert.Contains("Paris", await PocketChat.AskAsync(server.Http, "What is the capital of France?", Cancellation), StringComparison.Ordinal);
        Assert.True(drops > 3);
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
