namespace Gemma3Server.Engine.Structured.Json;

/// <summary>The types of JSON values.</summary>
[Flags]
internal enum JsonTypes
{
    None = 0,
    Null = 1,
    Boolean = 2,
    Integer = 4,

    /// <summary>Any number, integers included.</summary>
    Number = 8,
    String = 16,
    Array = 32,
    Object = 64,
    All = Null | Boolean | Integer | Number | String | Array | Object,
}
