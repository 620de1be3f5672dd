using System.Text.Json;
using Gemma3Server.Chat.Tools;

namespace Gemma3Server.Tests.Chat;

public sealed class ToolParametersTests
{
    [Theory]
    [InlineData("""{"required":["a"],"additionalProperties":false,"properties":{"b":{"type":"integer"},"a":{}},"type":"object","$schema":"x"}""",
        """{"type":"object","properties":{"b":{"type":"integer"},"a":{}},"required":["a"]}""")]
    [InlineData("""{"$defs":{"d":{}},"additionalProperties":{"type":"null"},"type":"object","description":"D","maxProperties":2}""",
        """{"type":"object","description":"D","$defs":{"d":{}},"additionalProperties":{"type":"null"},"maxProperties":2}""")]
    [InlineData("{}", "{}")]
    public void Shown_KeywordsInAnyOrder_AreAsInTheDocuments(string schema, string shown)
    {
        using var parsed = JsonDocument.Parse(schema);
        Assert.Equal(shown, ToolParameters.Shown(parsed.RootElement));
    }
}
