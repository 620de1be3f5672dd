namespace Gemma3Server.Engine.Structured;

/// <summary>The language in which a grammar is written.</summary>
public enum GrammarKind
{
    /// <summary>Any JSON object; no text.</summary>
    JsonObject,

    /// <summary>A JSON Schema, as JSON.</summary>
    JsonSchema,

    /// <summary>A regular expression (ECMAScript's syntax, without look-around and back references) that the whole text matches.</summary>
    Regex,

    /// <summary>A JSON array of strings, one of which is the text.</summary>
    Choice,

    /// <summary>llama.cpp's grammar language; its rule <c>root</c> is the text.</summary>
    Gbnf,

    /// <summary>A <see cref="Tools.ToolCallGrammar"/>, as JSON.</summary>
    ToolCalls,
}
