using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gemma3Server.Cli.Pull;

/// <summary>The JSON of the commands about models: one object a line, in snake case; what is not known is absent.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(PullErrorLine))]
[JsonSerializable(typeof(PullNoteLine))]
[JsonSerializable(typeof(PullProgressLine))]
[JsonSerializable(typeof(PullDoneLine))]
[JsonSerializable(typeof(ModelLine))]
internal sealed partial class PullJson : JsonSerializerContext
{
    public static string Of<T>(T line) => JsonSerializer.Serialize(line, typeof(T), RelaxedContext.Instance);

    // A class of its own, since the order in which a partial class initializes its statics is undefined.
    private static class RelaxedContext
    {
        public static readonly PullJson Instance = new(new JsonSerializerOptions(Default.Options!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }
}
