using Gemma3Server.Cli;
using Gemma3Server.Cli.Perplexity;
using Gemma3Server.Engine.Evaluation;
using Gemma3Server.Hosting;
using Gemma3Server.Runtime;
using Gemma3Server.Testing;
using Spectre.Console;

namespace Gemma3Server.Tests.Cli;

public sealed class PerplexityRunTests : IDisposable
{
    private readonly FileInfo _text = new(Path.GetTempFileName());
    private readonly List<FakeModelRuntime> _loaded = [];

    public PerplexityRunTests() => File.WriteAllText(_text.FullName, string.Concat(Enumerable.Range(0, 200).Select(i => $"Sentence number {i}. ")));

    [Fact]
    public async Task Run_TwoModelsAgainstAReference_LoadsEachOnceAndTellsAllFigures()
    {
        var result = await RunAsync(new(["a.gguf", "b.gguf"], "full.gguf", _text, false), path => path.StartsWith("full", StringComparison.Ordinal) ? 0u : 4u);

        Assert.Equal("full", result.Reference!.Name);
        Assert.Equal(["a", "b"], result.Models.Select(m => m.Name));
        Assert.Equal(result.Models[0].Perplexity, result.Models[1].Perplexity);
        Assert.True(result.Models[0].Divergence!.Value.Value > 1);
        Assert.True(result.ErrorsOverDocuments);
        Assert.NotNull(result.LossRecovered);
        Assert.Equal(3, _loaded.Count);
        Assert.All(_loaded, runtime => Assert.True(runtime.Disposed));
    }

    [Fact]
    public async Task Report_TwoModelsAgainstAReference_NamesFiguresWithErrorsAndTheShare()
    {
        var plan = new PerplexityPlan(["a.gguf", "b.gguf"], "full.gguf", _text, false);
        var result = await RunAsync(plan, path => path[0]);
        await using var output = new StringWriter();

        new PerplexityReport(CommandConsole.On(output), plan).Print(result);

        var text = output.ToString();
        Assert.Contains($"{result.Tokens} tokens of {result.Documents} windows of {_text.Name}; ± standard error over windows", text, StringComparison.Ordinal);
        Assert.Contains("full (reference)", text, StringComparison.Ordinal);
        Assert.Contains("top-1 agreement %", text, StringComparison.Ordinal);
        Assert.Contains("1 - (PPL(b) - PPL(full)) / (PPL(a) - PPL(full)).", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Json_WithoutReference_HasWhatAppliesOnly()
    {
        var result = await RunAsync(new(["a.gguf"], null, _text, false), _ => 0u);

        using var json = System.Text.Json.JsonDocument.Parse(PerplexityJson.Of(result));

        Assert.Equal(result.Models[0].Perplexity.Value, json.RootElement.GetProperty("models")[0].GetProperty("perplexity").GetProperty("value").GetDouble());
        Assert.False(json.RootElement.TryGetProperty("reference", out _));
        Assert.False(json.RootElement.GetProperty("models")[0].TryGetProperty("divergence", out _));
    }

    [Fact]
    public void FindDifference_OtherVocabulary_SaysWhich()
    {
        Assert.Null(VocabularyComparison.FindDifference(new FakeTokenizer(), new FakeTokenizer()));
        Assert.Equal("512 and 513 tokens", VocabularyComparison.FindDifference(new FakeTokenizer(), new OtherTokenizer(513, 0)));
        Assert.Equal("token 300 is '>' and '!'", VocabularyComparison.FindDifference(new FakeTokenizer(), new OtherTokenizer(512, 300)));
    }

    [Theory]
    [InlineData("--model none.gguf --file {text}", 1, "The model file 'none.gguf'")]
    [InlineData("--model {text} --file none.txt", 1, "The text 'none.txt' does not exist.")]
    [InlineData("--model {text} --against none.gguf --file {text}", 1, "'none.gguf'")]
    [InlineData("--model {text} --file {text} --answers", 2, "--answers needs conversations (.jsonl)")]
    [InlineData("--file {text}", 2, "--model")]
    [InlineData("--model {text} --file {text}", 1, "choose another Gemma 3 checkpoint")]
    public async Task Command_WrongArguments_SaysSoInOneLine(string arguments, int code, string message)
    {
        var run = await CommandRun.RunAsync("", ["perplexity", .. arguments.Split(' ').Select(a => a.Replace("{text}", _text.FullName, StringComparison.Ordinal))]);

        Assert.Equal((code, ""), (run.Code, run.Output));
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--out x.gguf --type q4_0", 1, "No model is given")]
    [InlineData("--model {text} --out x.gguf --type q5_0", 2, "q5_0")]
    [InlineData("--model {text} --out {text} --type q4_0", 1, "exists already; replace it with --force.")]
    [InlineData("--model {text} --out x.gguf --type q4_0", 1, "download it again")]
    public async Task Quantize_WrongArguments_SaysSoInOneLine(string arguments, int code, string message)
    {
        var run = await CommandRun.RunAsync("", ["quantize", .. arguments.Split(' ').Select(a => a.Replace("{text}", _text.FullName, StringComparison.Ordinal))]);

        Assert.Equal((code, ""), (run.Code, run.Output));
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.False(File.Exists("x.gguf"));
    }

    public void Dispose() => _text.Delete();

    private async Task<EvaluationResult> RunAsync(PerplexityPlan plan, Func<string, ulong> salt)
    {
        await using var error = new StringWriter();
        var options = new Gemma3ServerOptions { Runtime = new() { ContextLength = 128 } };
        return await PerplexityProgress.RunAsync(error, TimeProvider.System, progress => new PerplexityRun(
            plan, options, (model, _) => Load(salt(model.Model.Path!)), new NativeFault(new TaskCompletionSource<string>().Task), progress).RunAsync(TestContext.Current.CancellationToken));
    }

    private FakeModelRuntime Load(ulong salt)
    {
        var runtime = new FakeModelRuntime(new() { Salt = salt });
        _loaded.Add(runtime);
        return runtime;
    }

    private sealed class OtherTokenizer(int size, int changed) : ITokenizer
    {
        private readonly FakeTokenizer _inner = new();

        public int VocabularySize => size;

        public int BeginOfSequence => _inner.BeginOfSequence;

        public IReadOnlyList<int> EndOfGeneration => _inner.EndOfGeneration;

        public int LongestPiece => 1;

        public int[] Tokenize(string text) => _inner.Tokenize(text);

        public bool TryGetControlToken(string piece, out int token) => _inner.TryGetControlToken(piece, out token);

        public bool IsControl(int token) => _inner.IsControl(token);

        public ReadOnlyMemory<byte> Piece(int token) => token == changed ? "!"u8.ToArray() : _inner.Piece(token);
    }
}
