using System.Text.Json;
using Gemma3Server.Cli;

namespace Gemma3Server.EndToEndTests;

/// <summary>From a half-precision checkpoint to a quantized one that serves, and what it lost: by the commands, on the real library.</summary>
public sealed class QuantizationLossTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gemma3server-loss-").FullName;

    private string Full => Path.Combine(_folder, "full.gguf");

    private string Plain => Path.Combine(_folder, "plain-q4_0.gguf");

    private string Text => Path.Combine(_folder, "text.txt");

    [Fact]
    public async Task Quantize_TinyCheckpoint_ServesAndItsLossIsMeasured()
    {
        var larger = Path.Combine(_folder, "q8_0.gguf");
        await SucceedAsync("synth", "--shape", "tiny", "--type", "f16", "--out", Full, "--seed", "3");
        await SucceedAsync("quantize", "--model", Full, "--out", Plain, "--type", "q4_0");
        await SucceedAsync("quantize", "--model", Full, "--out", larger, "--type", "q8_0");
        await File.WriteAllTextAsync(Text, string.Concat(Enumerable.Range(0, 150).Select(i => $"The river has {i} bridges. ")), TestContext.Current.CancellationToken);

        // The same model twice: nothing may differ, whatever runs beside it.
        var (same, _) = await MeasureAsync("--model", Full, "--against", Full);
        Assert.Equal(0, Figure(same, "divergence_max"));
        Assert.Equal(1, Figure(same, "agreement"));
        Assert.Equal(0, Figure(same, "perplexity_change"));

        var (plain, result) = await MeasureAsync("--model", Plain, "--model", larger, "--against", Full);
        var other = result.GetProperty("models")[1];
        Assert.InRange(Figure(plain, "divergence"), 10 * Figure(other, "divergence"), 10);
        Assert.True(Figure(plain, "agreement") < Figure(other, "agreement"));
        Assert.True(result.GetProperty("documents").GetInt32() >= 10);
        Assert.True(result.TryGetProperty("loss_recovered", out _));
        Assert.Equal(Figure(result.GetProperty("reference"), "perplexity"), Figure(same, "perplexity"), 1e-9 * Figure(same, "perplexity"));

        await using var server = await ServerProcess.StartAsync("--model", Plain, "--parallel", "1", "--context", "512");
        await using var stream = await ChatStream.OpenAsync(server.Http, "Hello", maxTokens: 8);
        Assert.Equal(8, (await stream.ReadToEndAsync(TestContext.Current.CancellationToken)).CompletionTokens);
    }

    [Fact]
    public async Task Perplexity_OtherVocabulary_IsRefusedInOneLine()
    {
        await File.WriteAllTextAsync(Text, "Hello.", TestContext.Current.CancellationToken);

        var (code, output, error) = await RunAsync("perplexity", "--model", Checkpoints.Path("tiny"), "--against", Checkpoints.Path("270m"), "--file", Text, "--parallel", "1");

        Assert.Equal((1, ""), (code, output));
        Assert.Contains("have different vocabularies (262144 and 2048 tokens)", error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<(JsonElement First, JsonElement Result)> MeasureAsync(params string[] models)
    {
        var output = await SucceedAsync(["perplexity", .. models, "--file", Text, "--context", "64", "--threads", "1", "--json"]);
        var result = JsonDocument.Parse(output).RootElement;
        return (result.GetProperty("models")[0], result);
    }

    private static double Figure(JsonElement model, string name)
    {
        var figure = model.GetProperty(name);
        return figure.ValueKind == JsonValueKind.Object ? figure.GetProperty("value").GetDouble() : figure.GetDouble();
    }

    private static async Task<string> SucceedAsync(params string[] arguments)
    {
        var (code, output, error) = await RunAsync(arguments);
        Assert.True(code == 0, error);
        return output;
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        await using var output = new StringWriter();
        await using var error = new StringWriter();
        var code = await CommandLine.RunAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
