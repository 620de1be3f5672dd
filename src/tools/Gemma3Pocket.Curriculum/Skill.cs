namespace Gemma3Pocket.Curriculum;

/// <summary>The skills of the pocket model; each is examined on its own.</summary>
public enum Skill
{
    /// <summary>Greets, says what it is, thanks, says good-bye.</summary>
    Greeting,

    /// <summary>Answers questions on this server: endpoints, flags, settings.</summary>
    ServerHelp,

    /// <summary>Capitals, colours, opposites, plurals, days and months.</summary>
    Facts,

    /// <summary>Sums of two numbers of at most two digits.</summary>
    Addition,

    /// <summary>Differences, and small products.</summary>
    Arithmetic,

    /// <summary>Counts up, down or in steps.</summary>
    Counting,

    /// <summary>Repeats a text.</summary>
    Copy,

    /// <summary>Reverses, upper-cases or sorts a short list.</summary>
    Lists,

    /// <summary>Extracts fields of a text into JSON by a given schema.</summary>
    Json,

    /// <summary>Chooses a tool and fills its arguments.</summary>
    ToolCall,

    /// <summary>Answers from a tool's result.</summary>
    ToolResult,

    /// <summary>Remembers a name or a number from an earlier turn.</summary>
    Memory,

    /// <summary>Tells a short story about what the user names.</summary>
    Story,

    /// <summary>Says that it does not know.</summary>
    Unknown,
}
