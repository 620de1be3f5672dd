using System.Diagnostics;
using System.Globalization;
using Gemma3Server.Cli.Bench;
using Gemma3Server.Engine;
using Gemma3Server.Engine.Sampling;
using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Structured.Automata;
using Gemma3Server.Runtime.LlamaCpp;
using Gemma3Server.Runtime.LlamaCpp.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;

namespace Gemma3Server.Benchmarks;

/// <summary>
/// Constrained decoding on a model's own vocabulary: what a mask costs beside llama.cpp's grammar sampler on the same tokens, how long schemas
/// take to compile, and what constrained streams cost beside free ones.
/// </summary>
internal static class GrammarScenario
{
    private const int Texts = 24;
    private const int TokensPerText = 120;
    private const int Rounds = 5;

    /// <summary>Rows that the native sampler masks as a whole in a text: each takes tens of milliseconds.</summary>
    private const int NativeMasks = 12;

    private const string Json = """
        root   ::= object
        value  ::= object | array | string | number | "true" | "false" | "null"
        object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}"
        array  ::= "[" ws ( value ("," ws value)* )? "]"
        string ::= "\"" ([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
        number ::= "-"? ([0-9] | [1-9] [0-9]{0,15}) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})?
        ws ::= | " " | "\n" [ \t]{0,20}
        """;

    private const string FourFields = """
        {"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0,"maximum":150},
        "tags":{"type":"array","items":{"type":"string"}},"kind":{"enum":["person","company","other"]}},
        "required":["name","age","tags","kind"],"additionalProperties":false}
        """;

    public static async Task<int> RunAsync(string model, string[] arguments)
    {
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 200);
        if (!arguments.Contains("streams"))
        {
            using var runtime = LlamaCppRuntime.Load(new LlamaCppOptions { ModelPath = model, Parallel = 1, ContextLength = 512 }, NullLoggerFactory.Instance);
            var watch = Stopwatch.StartNew();
            var vocabulary = new TokenVocabulary(runtime.Tokenizer);
            AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture, $"tokens {runtime.Tokenizer.VocabularySize}, trees built in {watch.Elapsed.TotalMilliseconds:0} ms"));
            Compile(vocabulary);
            Masks(runtime, vocabulary);
        }

        if (!arguments.Contains("masks")) await ConstrainedStreams.RunAsync(model, Rounds, arguments is [.., "--json", var file] ? new(file) : null);
        return 0;
    }

    private static void Compile(TokenVocabulary vocabulary)
    {
        var table = new Table().AddColumns("schema", "compile ms median", "p99", "first");
        var fields = string.Join(",", Enumerable.Range(0, 200).Select(i => (i % 4) switch
        {
            0 => $"\"field_{i}\":{{\"type\":\"string\",\"maxLength\":{50 + i},\"description\":\"Field number {i}.\"}}",
            1 => $"\"field_{i}\":{{\"type\":\"integer\",\"minimum\":{i},\"maximum\":{i * 1000}}}",
            2 => $"\"field_{i}\":{{\"type\":\"array\",\"items\":{{\"type\":\"number\"}},\"maxItems\":9}}",
            _ => $"\"field_{i}\":{{\"type\":[\"string\",\"null\"],\"enum\":[\"a{i}\",\"b{i}\",null]}}",
        }));
        foreach (var (name, schema) in new[] { ("4 fields", FourFields), ("200 fields", $"{{\"type\":\"object\",\"properties\":{{{fields}}}}}") })
        {
            var times = new List<double>();
            for (var i = 0; i < 60; i++)
            {
                var start = Stopwatch.GetTimestamp();
                _ = Build(new(GrammarKind.JsonSchema, schema), vocabulary);
                times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            }

            table.AddRow(name, Text(times.Median(), 2), Text(times.Quantile(0.99), 2), Text(times[0], 2));
        }

        AnsiConsole.Write(table);
    }

    private static Grammar Build(GrammarDefinition definition, TokenVocabulary vocabulary)
    {
        var (network, fault) = GrammarCompiler.Compile(definition, default);
        return new(network ?? throw new InvalidOperationException(fault!.Message), vocabulary);
    }

    private static void Masks(LlamaCppRuntime runtime, TokenVocabulary vocabulary)
    {
        var table = new Table().AddColumns(
            "grammar", "logits", "mask: processor us, mean", "p99", "max", "extra for a constrained sample: mean", "p99", "native: check and mask, mean", "native: mask, median", "tokens");
        foreach (var (kind, make) in new (string, Func<int, float[]>)[] { ("peaked", LogitRows.Peaked), ("flat", LogitRows.Flat) })
        {
            AddMasks(table, "JSON (GBNF)", kind, new(GrammarKind.Gbnf, Json), make, runtime, vocabulary);
            AddMasks(table, "4 fields", kind, new(GrammarKind.JsonSchema, FourFields), make, runtime, vocabulary);
            AddMasks(table, "bounded string", kind, new(GrammarKind.JsonSchema, """{"type":"string","maxLength":300}"""), make, runtime, vocabulary);
            AddMasks(table, "bounded words", kind, new(GrammarKind.Regex, "[a-zA-Z ]{1,400}"), make, runtime, vocabulary);
            AddMasks(table, "bounded lines", kind, new(GrammarKind.Regex, ".{40,300}"), make, runtime, vocabulary);
            AddMasks(table, "all but a letter", kind, new(GrammarKind.Regex, "[^x]{1,400}"), make, runtime, vocabulary);
            AddMasks(table, "up to a letter", kind, new(GrammarKind.Regex, "([^x]*x[0-9]){9}"), make, runtime, vocabulary);
            AddMasks(table, "quoted", kind, new(GrammarKind.Regex, "(\"[^\"]{3,40}\" )+"), make, runtime, vocabulary);
            AddMasks(table, "all but a letter, JSON", kind, new(GrammarKind.JsonSchema, """{"type":"string","pattern":"^[^x]*$"}"""), make, runtime, vocabulary);
        }

        AnsiConsole.Write(table);
    }

    /// <summary>Texts under one grammar, compiled anew for every fourth of them: so the first masks of its states count too.</summary>
    private static void AddMasks(
        Table table, string name, string kind, GrammarDefinition definition, Func<int, float[]> make, LlamaCppRuntime runtime, TokenVocabulary vocabulary)
    {
        float[][] rows = [.. Enumerable.Range(0, 8).Select(seed => make(seed)[..Math.Min(LogitRows.Vocabulary, runtime.Model.VocabularySize)])];
        if (rows[0].Length < runtime.Model.VocabularySize) rows = Array.ConvertAll(rows, row => Pad(row, runtime.Model.VocabularySize));
        var (scratch, random) = (new SamplerScratch(), new Random(1));
        var (masks, extras, native, nativeMasks) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        Build(definition, vocabulary).Mask(Build(definition, vocabulary).Start); // compiled to machine code
        Grammar? grammar = null, ahead = null; // the second one's masks are all made, be they needed or not, and help no sampler
        for (var text = 0; text < Texts; text++)
        {
            if (text % 4 == 0) (grammar, ahead) = (Build(definition, vocabulary), Build(definition, vocabulary));
            var (matcher, masked) = (new GrammarMatcher(grammar!), new GrammarMatcher(ahead!));
            var parameters = new SamplingParameters { Seed = (ulong)text };
            var (constrained, free) = (new Sampler(parameters, []) { Matcher = matcher }, new Sampler(parameters, []));
            using var peer = definition.Kind == GrammarKind.Gbnf && text < 4 ? NativeGrammar.On(runtime, definition.Text) : null;
            for (var i = 0; i < TokensPerText && !matcher.IsComplete; i++)
            {
                // The sampler's own way, without masks but those that it makes; and the mask, as it is made while the model runs.
                var row = rows[random.Next(rows.Length)];
                var withOut = ThreadClock.Microseconds(() => free.Sample(row, scratch));
                var token = 0;
                var with = ThreadClock.Microseconds(() => token = constrained.Sample(row, scratch));
                extras.Add(with - withOut);
                masks.Add(ThreadClock.Microseconds(() => masked.Mask()));
                if (peer is not null)
                {
                    var sampled = free.Sample(row, scratch);
                    var refused = false;
                    var check = ThreadClock.Microseconds(() => refused = !peer.Allows(sampled));
                    if (nativeMasks.Count < NativeMasks * 4) nativeMasks.Add(ThreadClock.Microseconds(() => peer.Mask(row)));
                    native.Add(check + (refused ? nativeMasks.Median() : 0));
                    if (!matcher.AllowsEnd(token)) peer.Accept(token);
                }

                var ends = matcher.AllowsEnd(token);
                constrained.Accept(token);
                masked.TryAccept(token);
                free.Accept(token);
                if (ends) break;
            }
        }

        table.AddRow(
            Markup.Escape(name), kind, Text(masks.Average()), Text(masks.Quantile(0.99)), Text(masks.Max()), Text(extras.Average()), Text(extras.Quantile(0.99)),
            native.Count == 0 ? "" : Text(native.Average()), nativeMasks.Count == 0 ? "" : Text(nativeMasks.Median()), $"{masks.Count}");
    }

    private static float[] Pad(float[] row, int length)
    {
        var padded = new float[length];
        Array.Fill(padded, -20f);
        row.CopyTo(padded, 0);
        return padded;
    }

    private static string Text(double value, int decimals = 0) => value.ToString($"F{decimals}", CultureInfo.InvariantCulture);
}
