namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>
/// Where the regions of Gemma 3's vocabulary lie. Everything below <see cref="FirstPiece"/> and, at the published size, everything from
/// <see cref="FirstCharacter"/> on has Gemma's own ids; a smaller vocabulary keeps the order.
/// </summary>
internal sealed record VocabularyLayout
{
    public const int Published = 262_144;
    public const int Pad = 0;
    public const int EndOfSequence = 1;
    public const int BeginOfSequence = 2;
    public const int Unknown = 3;
    public const int Mask = 4;
    public const int Multimodal = 5;
    public const int FirstUnused = 6;
    public const int StartOfTurn = 105;
    public const int EndOfTurn = 106;
    public const int FirstNewlines = 107;
    public const int FirstSpaces = 138;
    public const int FirstTag = 168;
    public const int FirstByte = 238;
    public const int FirstPiece = 494;

    /// <summary>Newlines and tabs come as runs of 1 to 31, spaces as runs of 2 to 31.</summary>
    public const int LongestRun = 31;

    private const int SmallUnused = 16;
    private const int SmallCharacters = 288;

    private VocabularyLayout(int size, int firstCharacter, int firstTabs)
    {
        Size = size;
        FirstCharacter = firstCharacter;
        FirstTabs = firstTabs;
    }

    public int Size { get; }

    /// <summary>First piece of one character: <c>▁</c>, then letters, digits and so on.</summary>
    public int FirstCharacter { get; }

    public int FirstTabs { get; }

    public int StartOfImage => FirstTabs + LongestRun;

    public int EndOfImage => StartOfImage + 1;

    public int FirstLateUnused => StartOfImage + 2;

    public static VocabularyLayout Of(int size)
    {
        if (size == Published)
            return new VocabularyLayout(size, 236_743, 255_968);
        var firstTabs = size - SmallUnused - 2 - LongestRun;
        var firstCharacter = firstTabs - SmallCharacters;
        ArgumentOutOfRangeException.ThrowIfLessThan(firstCharacter, FirstPiece + 512, nameof(size));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, Published);
        return new VocabularyLayout(size, firstCharacter, firstTabs);
    }
}
