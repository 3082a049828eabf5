// What a reader would trip over on the page that is open, as lines of text. Runs in a browser.
() => {
    const problems = new Set();
    const width = document.documentElement.clientWidth;
    const named = element => {
        const name = [...element.classList].find(each => !/^st-emotion|^e[a-z0-9]{6,}$/.test(each));
        return element.tagName.toLowerCase() + (name ? `.${name}` : "");
    };
    const isSeen = element => {
        const style = getComputedStyle(element);
        return element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
            && style.clip !== "rect(0px, 0px, 0px, 0px)";
    };
    const parents = element => {
        const found = [];
        const above = each => each.parentElement || each.getRootNode().host;
        for (let each = above(element); each; each = above(each)) found.push(each);
        return found;
    };
    // Diagrams are in trees of their own.
    const roots = [document.body, ...[...document.querySelectorAll(".mermaid")].map(each => each.shadowRoot).filter(Boolean)];

    // Wider than the screen.
    const page = document.querySelector("[data-testid=stMain]") || document.documentElement;
    if (page.scrollWidth > width) problems.add(`the page is ${page.scrollWidth} pixels wide, the screen ${width}`);

    const parts = color => {
        const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
        return color.startsWith("color(srgb") ? [255 * red, 255 * green, 255 * blue, alpha] : [red, green, blue, alpha];
    };
    const over = (front, back) => [0, 1, 2].map(at => front[3] * front[at] + (1 - front[3]) * back[at]).concat(1);
    // What is behind a text: an element that holds it may stand beside it.
    const ground = (chain, box) => {
        let color = parts(getComputedStyle(document.documentElement).colorScheme === "dark" ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)");
        for (const each of [...chain].reverse()) {
            const { top, bottom } = each.getBoundingClientRect();
            const isBehind = each === document.body || (top < box.bottom && box.top < bottom);
            if (isBehind) color = over(parts(getComputedStyle(each).backgroundColor), color);
        }
        return color;
    };
    const brightness = color => {
        const [red, green, blue] = color.map(each => each / 255)
            .map(each => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };

    const nodes = roots.flatMap(root => {
        const found = [];
        const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) found.push(texts.currentNode);
        return found;
    });
    for (const node of nodes) {
        const element = node.parentElement;
        const text = node.textContent.trim();
        if (!text || /^(script|style|noscript|template|option)$/i.test(element.tagName) || !isSeen(element)) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const box = range.getBoundingClientRect();
        if (box.width < 2 || box.height < 2) continue;
        const around = parents(element);
        const chain = [element, ...around];
        const styles = chain.map(each => getComputedStyle(each));
        const said = `${named(element)} "${text.slice(0, 40)}"`;

        // Beyond the edge, where no scrolling reaches it. A drawer that is closed is there on purpose.
        const isDrawer = styles.some(style => style.position === "fixed");
        const scrolls = styles.some(style => /auto|scroll/.test(style.overflowX) || style.textOverflow === "ellipsis");
        if (!isDrawer && !scrolls && (box.right > width + 1 || box.left < -1)) problems.add(`${said} is cut off at the edge`);

        // Too pale.
        const style = styles[0];
        if (chain.some(each => each.matches("[disabled], [aria-disabled=true]"))) continue;
        const isDrawn = element instanceof SVGElement;
        // In a diagram, words are drawn on a shape.
        const shape = element.closest("g.node")?.querySelector("path, rect");
        const behind = ground(isDrawn || shape ? around : chain, box);
        const back = shape ? over(parts(getComputedStyle(shape).fill), behind) : behind;
        const color = parts(isDrawn ? style.fill : style.color);
        if (!color[3]) continue;
        const opacity = styles.reduce((product, each) => product * each.opacity, 1);
        const front = over([...color.slice(0, 3), color[3] * opacity], back);
        const [dark, light] = [brightness(front), brightness(back)].sort((one, other) => one - other);
        const contrast = (light + 0.05) / (dark + 0.05);
        const size = parseFloat(style.fontSize);
        const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        if (contrast < (isLarge ? 3 : 4.5)) problems.add(`${said} has a contrast of ${contrast.toFixed(1)}`);
    }

    for (const element of document.querySelectorAll("img, canvas, svg, table, pre, iframe")) {
        if (!isSeen(element)) continue;
        const box = element.getBoundingClientRect();
        const around = parents(element).map(each => getComputedStyle(each));
        const scrolls = around.some(style => /auto|scroll/.test(style.overflowX) || style.position === "fixed");
        if (!scrolls && (box.right > width + 1 || box.left < -1)) problems.add(`${named(element)} is cut off at the edge`);
        if (element.tagName === "IMG" && element.complete && !element.naturalWidth) problems.add(`${element.src} is no picture`);
        if (element.tagName === "CANVAS" && element.closest("[data-testid=stVegaLiteChart]")) {
            const { data } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
            const pixels = new Set(new Uint32Array(data.buffer));
            if (pixels.size < 10) problems.add(`${named(element)} is empty`);
        }
    }
    return [...problems].sort();
}
