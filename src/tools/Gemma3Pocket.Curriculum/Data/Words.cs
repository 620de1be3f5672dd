namespace Gemma3Pocket.Curriculum.Data;

/// <summary>Common words for copying and for lists.</summary>
internal static class Words
{
    /// <summary>Words that lists are made of: few enough that each one's place in the alphabet can be learned.</summary>
    public static IReadOnlyList<string> Listed { get; } =
    (
        "apple banana cherry grape lemon melon orange peach pear plum bread butter cheese egg honey milk rice salt soup sugar tea water " +
        "ant bear bird cat cow dog duck fish fox frog goat horse lion mouse owl pig rabbit sheep tiger wolf zebra " +
        "bed book box chair clock cup door fork key knife lamp table window pen paper phone shoe hat coat ring " +
        "bus car boat train plane road bridge house garden tree river sea sun moon star cloud rain snow wind fire stone iron gold"
    ).Split(' ');

    public static IReadOnlyList<string> Adjectives { get; } =
    (
        "old new big small red blue green happy sad quick slow warm cold bright dark quiet loud brave kind tall soft heavy clean round"
    ).Split(' ');

    public static IReadOnlyList<string> Verbs { get; } =
        "sees likes finds follows helps carries paints draws watches moves opens holds hides wants needs keeps".Split(' ');

    public static IReadOnlyList<string> Places { get; } =
        "in the garden|by the river|near the house|at the sea|on the road|under the tree|behind the door|at night|in the morning|every day".Split('|');

    /// <summary>Short syllables that made-up words are put together from.</summary>
    public static IReadOnlyList<string> Syllables { get; } =
        "ba be bi bo da de do fa fi ga go ha ho ja ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe po ra re ri ro sa se si so ta te ti to va ve vi wa we xa za zo".Split(' ');
}
