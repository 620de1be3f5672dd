using System.Text.Encodings.Web;
using System.Text.Json;
using Json.Schema;

namespace Gemma3Server.Engine.Tests.Structured;

/// <summary>The compiler against an independent validator, with the hardest adversary: a model that picks nonsense wherever the mask allows it.</summary>
public sealed class RandomSchemaTests
{
    private static readonly EvaluationOptions Strict = new() { RequireFormatValidation = true };

    [Fact]
    public void Generate_RandomSchemas_EveryTextIsValidAndEveryInstanceIsTaken()
    {
        var relaxed = new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        JsonSerializerOptions[] styles = [relaxed, new(relaxed) { WriteIndented = true, NewLine = "\n" }];
        var random = new Random(20261126);
        var ended = 0;
        for (var i = 0; i < 2000; i++)
        {
            var (schema, instance) = new SchemaGenerator(random).Make();
            var text = schema.ToJsonString(relaxed);
            var validator = JsonSchema.FromText(text);
            var grammar = Grammars.Schema(text);
            for (var j = 0; j < 2; j++)
            {
                if (grammar.Generate(random, 150) is not { } output) continue;
                using var document = JsonDocument.Parse(output, new() { MaxDepth = 500 });
                Assert.True(validator.Evaluate(document.RootElement, Strict).IsValid, $"schema {i}: {text}\noutput: {output}");
                ended++;
            }

            for (var j = 0; j < 2; j++)
            {
                var value = instance();
                using var document = JsonDocument.Parse(value?.ToJsonString() ?? "null");
                Assert.True(validator.Evaluate(document.RootElement, Strict).IsValid, $"schema {i} has a wrong instance: {text}\n{value}");
                var style = styles[random.Next(styles.Length)];
                var written = JsonSerializer.Serialize(value, style);
                Assert.True(grammar.Takes(written), $"schema {i}: {text}\ninstance: {written}");
            }
        }

        Assert.True(ended > 2000, $"Only {ended} texts ended.");
    }
}
