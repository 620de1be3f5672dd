using System.Text.Json;

namespace Gemma3Server.Cli.Pull;

/// <summary>Names of enumeration members as JSON has them.</summary>
internal static class JsonName
{
    public static string Of(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
