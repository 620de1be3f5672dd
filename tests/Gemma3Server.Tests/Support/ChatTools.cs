namespace Gemma3Server.Tests.Support;

/// <summary>Tools for requests, and prompts as the fake model has seen them.</summary>
internal static class ChatTools
{
    public const string Weather =
        """{"type":"function","function":{"name":"get_weather","description":"Weather of a city","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}}}""";

    public const string Clock = """{"type":"function","function":{"name":"get_time"}}""";

    public const string Declarations =
        """[{"name":"get_weather","description":"Weather of a city","parameters":{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},"required":["city"]}},{"name":"get_time","parameters":{"type":"object","properties":{}}}]""";

    /// <summary>The field <c>tools</c> with both, and more fields.</summary>
    public static string Both(string more = "") => $"\"tools\":[{Weather},{Clock}]{(more.Length > 0 ? "," + more : "")}";
}
